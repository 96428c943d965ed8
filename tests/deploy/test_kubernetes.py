"""The manifests in `deploy/kubernetes`: valid, locked down, and in keeping with the server."""

from __future__ import annotations

from itertools import chain
from typing import Any

import kubernetes_validate
import pytest

from mnistlab.server.handlers import ROUTE_COOKIE
from tests.deploy.shipped import (
    DEPLOY,
    METRICS,
    ROUTES,
    image_environment,
    is_setting,
    read_all_yaml,
    read_yaml,
)  # fmt: skip

FOLDER = DEPLOY / "kubernetes"
OWN_KINDS = {"Namespace", "Deployment", "Service", "PodDisruptionBudget",
             "HorizontalPodAutoscaler", "NetworkPolicy"}  # fmt: skip
CUSTOM = {
    "Gateway": "gateway.networking.k8s.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "DaskCluster": "kubernetes.dask.org/v1",
    "PodMonitor": "monitoring.coreos.com/v1",
}
NAMES = read_yaml("kubernetes/kustomization.yaml")["resources"]
OBJECTS = list(chain.from_iterable(read_all_yaml(f"kubernetes/{name}") for name in NAMES))
OBJECTS += read_all_yaml("kubernetes/monitoring/pod-monitor.yaml")


def one(kind: str, name: str = "mnistlab") -> Any:
    (found,) = [o for o in OBJECTS if o["kind"] == kind and o["metadata"]["name"] == name]
    return found


DEPLOYMENT = one("Deployment")
POD = DEPLOYMENT["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]
DASK = one("DaskCluster", "mnistlab-dask")["spec"]
ENVIRONMENT = {each["name"]: each.get("value") for each in CONTAINER["env"]}


@pytest.mark.parametrize("version", ["1.30", "1.35"])
@pytest.mark.parametrize(
    "manifest", [o for o in OBJECTS if o["kind"] in OWN_KINDS],
    ids=lambda o: f"{o['kind']}-{o['metadata']['name']}",
)  # fmt: skip
def test_a_manifest_follows_the_schema(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_other_kinds_are_known() -> None:
    for each in OBJECTS:
        if each["kind"] not in OWN_KINDS:
            assert each["apiVersion"] == CUSTOM[each["kind"]]


def test_every_file_is_applied_or_says_what_it_is_for() -> None:
    kustomization = read_yaml("kubernetes/kustomization.yaml")
    named = {*kustomization["resources"], *kustomization["configurations"], "kustomization.yaml"}
    assert named == {path.name for path in FOLDER.glob("*.yaml")}
    monitoring = {path.name for path in (FOLDER / "monitoring").glob("*")}
    assert monitoring == {"kustomization.yaml", "pod-monitor.yaml", "adapter.yaml"}
    assert {o["metadata"].get("namespace", "mnistlab") for o in OBJECTS} == {"mnistlab"}


def test_settings_are_those_of_the_server() -> None:
    assert [name for name in ENVIRONMENT if not is_setting(name)] == []
    (name,) = [each for each in CONTAINER["env"] if "valueFrom" in each]
    assert name["name"] == "MNISTLAB_APP_SERVER_NAME"
    assert name["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"


def test_ports_are_those_of_the_image() -> None:
    image = image_environment()
    ports = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}
    assert ports == {
        "http": int(image["MNISTLAB_APP_PORT"]),
        "metrics": int(image["MNISTLAB_APP_METRICS_PORT"]),
    }
    (service_port,) = one("Service")["spec"]["ports"]
    assert service_port["targetPort"] in ports
    (rule,) = one("HTTPRoute")["spec"]["rules"]
    (backend,) = rule["backendRefs"]
    assert (backend["name"], backend["port"]) == ("mnistlab", service_port["port"])
    (endpoint,) = one("PodMonitor")["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] in ports
    assert endpoint["path"] in ROUTES
    allowed = {port["port"] for rule in one("NetworkPolicy", "server")["spec"]["ingress"]
               for port in rule["ports"]}  # fmt: skip
    assert allowed == set(ports.values())


def test_probes_ask_for_paths_of_the_server() -> None:
    probes = {name: CONTAINER[name]["httpGet"] for name in
              ("startupProbe", "livenessProbe", "readinessProbe")}  # fmt: skip
    for probe in probes.values():
        assert probe["path"] in ROUTES
        assert probe["port"] == "http"
    # A full server keeps its visitors, so it must stay ready; a busy one must not be killed.
    assert probes["readinessProbe"]["path"] == "/readyz?full=ready"
    assert probes["livenessProbe"]["path"] == "/healthz"


def test_a_server_has_time_to_drain() -> None:
    assert POD["spec"]["terminationGracePeriodSeconds"] >= (
        int(ENVIRONMENT["MNISTLAB_APP_DRAIN_SECONDS"] or 0) + 30
    )


def test_everything_that_selects_servers_selects_them() -> None:
    labels = POD["metadata"]["labels"]
    selectors = {
        "Deployment": DEPLOYMENT["spec"]["selector"]["matchLabels"],
        "Service": one("Service")["spec"]["selector"],
        "budget": one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        "policy": one("NetworkPolicy", "server")["spec"]["podSelector"]["matchLabels"],
        "monitor": one("PodMonitor")["spec"]["selector"]["matchLabels"],
        "spread": POD["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
        "scheduler": one("NetworkPolicy", "scheduler")["spec"]["ingress"][0]["from"][0][
            "podSelector"
        ]["matchLabels"],
    }
    assert [name for name, selector in selectors.items() if selector != labels] == []
    target = one("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert (target["apiVersion"], target["kind"], target["name"]) == (
        DEPLOYMENT["apiVersion"], "Deployment", DEPLOYMENT["metadata"]["name"]
    )  # fmt: skip


@pytest.mark.parametrize(
    "spec", [POD["spec"], DASK["scheduler"]["spec"], DASK["worker"]["spec"]],
    ids=["server", "scheduler", "worker"],
)  # fmt: skip
def test_pods_are_locked_down(spec: dict[str, Any]) -> None:
    assert spec["automountServiceAccountToken"] is False
    security = spec["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] == security["runAsGroup"] == 10001  # as in the Dockerfile
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    volumes = {volume["name"] for volume in spec["volumes"]}
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/data", "/tmp"}
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes
        assert container["resources"]["limits"]["memory"]
        assert container["resources"]["requests"].keys() >= {"cpu", "memory"}


def test_only_the_gateway_and_prometheus_reach_a_server() -> None:
    assert one("NetworkPolicy", "nothing")["spec"] == {
        "podSelector": {}, "policyTypes": ["Ingress", "Egress"],
    }  # fmt: skip
    for rule in one("NetworkPolicy", "server")["spec"]["ingress"]:
        assert all("namespaceSelector" in peer for peer in rule["from"])
        assert rule["ports"]


def test_trainings_go_to_the_scheduler_of_the_cluster() -> None:
    # The operator names the service after the cluster.
    assert ENVIRONMENT["MNISTLAB_SCHEDULER"] == "tcp://mnistlab-dask-scheduler:8786"
    ports = {port["name"]: port["port"] for port in DASK["scheduler"]["service"]["ports"]}
    assert ports["tcp-comm"] == 8786
    (scheduler,) = DASK["scheduler"]["spec"]["containers"]
    assert scheduler["args"][:2] == ["dask", "scheduler"]
    assert {port["name"] for port in scheduler["ports"]} == set(ports)
    (worker,) = DASK["worker"]["spec"]["containers"]
    assert worker["args"][:2] == ["dask", "worker"]
    selector = DASK["scheduler"]["service"]["selector"]
    assert selector == one("NetworkPolicy", "scheduler")["spec"]["podSelector"]["matchLabels"]
    (egress,) = one("NetworkPolicy", "server")["spec"]["egress"]
    assert egress["to"][0]["podSelector"]["matchLabels"] == selector


def test_the_autoscaler_counts_places_taken() -> None:
    (metric,) = one("HorizontalPodAutoscaler")["spec"]["metrics"]
    name = metric["pods"]["metric"]["name"]
    assert name in METRICS
    target = int(metric["pods"]["target"]["averageValue"])
    places = int(ENVIRONMENT["MNISTLAB_APP_MAX_VISITORS"] or 0)
    assert 0.5 * places <= target <= 0.8 * places
    (rule,) = read_yaml("kubernetes/monitoring/adapter.yaml")["rules"]["custom"]
    assert rule["name"]["as"] == name
    # Over all states: each visit takes a place until it has ended.
    assert rule["metricsQuery"] == f"sum by (<<.GroupBy>>) ({name}{{<<.LabelMatchers>>}})"


def test_a_visitor_stays_with_a_pod() -> None:
    (rule,) = one("HTTPRoute")["spec"]["rules"]
    assert rule["sessionPersistence"]["type"] == "Cookie"
    assert rule["sessionPersistence"]["sessionName"] == ROUTE_COOKIE
    assert rule["timeouts"]["request"] == "0s"  # or open pages would be cut off
    listeners = one("Gateway")["spec"]["listeners"]
    (parent,) = one("HTTPRoute")["spec"]["parentRefs"]
    assert parent["sectionName"] in [listener["name"] for listener in listeners]
    assert one("HTTPRoute")["spec"]["hostnames"] == [listeners[0]["hostname"]]


def test_kustomize_finds_every_image() -> None:
    kustomization = read_yaml("kubernetes/kustomization.yaml")
    used = {
        container["image"]
        for spec in (POD["spec"], DASK["scheduler"]["spec"], DASK["worker"]["spec"])
        for container in spec["containers"]
    }
    assert used == {image["name"] for image in kustomization["images"]}
