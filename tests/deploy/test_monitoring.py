"""Prometheus and Grafana: what they ask for exists."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from mnistlab.server.metrics import Metrics, Readings
from mnistlab.server.visits import Refusal, Visits
from tests.deploy.shipped import METRICS, check_query, dashboard, read_yaml

PANELS = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]
RULES = [rule for group in read_yaml("alerts.yml")["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_asks_for_metrics_of_the_server(panel: dict[str, Any]) -> None:
    assert panel["description"]
    assert panel["targets"]
    for target in panel["targets"]:
        check_query(target["expr"])
        assert target["legendFormat"]
        assert target["datasource"]["uid"] == "${datasource}"


def test_the_server_has_these_metrics() -> None:
    metrics = Metrics(Visits(1, 0.0))
    text = metrics.text(Readings(0, 0, 0, 0)).decode()
    found = {}
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        states = {s.labels["state"] for s in family.samples if "state" in s.labels}
        found[name] = family.type, {"state": states} if states else {}
    expected = {
        name: (kind, {key: values for key, values in labels.items() if key == "state"})
        for name, (kind, labels) in METRICS.items()
    }
    assert {name: each for name, each in found.items() if "created" not in name} == expected
    reasons = METRICS["mnistlab_arrivals_refused_total"][1]["reason"]
    assert reasons == {reason.value for reason in Refusal}


def test_the_dashboard_shows_every_metric() -> None:
    text = " ".join(target["expr"] for panel in PANELS for target in panel["targets"])
    assert [name for name in METRICS if name not in text] == []


def test_panels_have_their_own_place_and_number() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_metrics_of_the_server(rule: dict[str, Any]) -> None:
    check_query(rule["expr"])
    assert rule["annotations"].keys() == {"summary", "remedy"}
    assert rule["labels"]["severity"] in ("warning", "critical")


def test_prometheus_asks_the_servers_of_the_compose_file() -> None:
    compose, prometheus = read_yaml("compose.yaml"), read_yaml("prometheus.yml")
    jobs = {job["job_name"]: job["static_configs"][0]["targets"] for job in
            prometheus["scrape_configs"]}  # fmt: skip
    servers = sorted(name for name in compose["services"] if name.startswith("server-"))
    assert sorted(jobs["mnistlab"]) == [f"{name}:8867" for name in servers]
    assert jobs["haproxy"] == ["proxy:8404"]
    assert compose["services"]["proxy"]["environment"]["PROXY_STATS"] == ":8404"
    # The alerts' file is where Prometheus looks for it: beside its configuration.
    mounts = [mount.split(":")[1] for mount in compose["services"]["prometheus"]["volumes"]]
    assert {"/etc/prometheus/prometheus.yml", "/etc/prometheus/alerts.yml"} == set(mounts)
    assert prometheus["rule_files"] == ["alerts.yml"]
    assert 'job="mnistlab"' in yaml.safe_dump(read_yaml("alerts.yml"))
