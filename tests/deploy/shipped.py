"""What the files in `deploy/` may name: the server's settings, routes and metrics."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from mnistlab.server.options import ENVIRONMENT, AppOptions

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"

ROUTES = {"/healthz", "/readyz", "/readyz?full=ready", "/readyz?unready=404", "/metrics", "/drain"}
# What each metric is, and the values of its labels: `test_the_server_has_these_metrics`.
METRICS: dict[str, tuple[str, dict[str, set[str]]]] = {
    "mnistlab_visits": ("gauge", {"state": {"arriving", "loading", "present", "left"}}),
    "mnistlab_places": ("gauge", {}),
    "mnistlab_warm_kernels": ("gauge", {}),
    "mnistlab_draining": ("gauge", {}),
    "mnistlab_kernel_memory_bytes": ("gauge", {}),
    "mnistlab_trainings": ("gauge", {"state": {"running", "queued"}}),
    "mnistlab_arrivals_total": ("counter", {}),
    "mnistlab_arrivals_refused_total": ("counter", {"reason": {"full", "draining", "address"}}),
    "mnistlab_messages_refused_total": ("counter", {}),
    "mnistlab_kernels_culled_total": ("counter", {"reason": {"left", "idle", "drained"}}),
    "mnistlab_kernels_died_total": ("counter", {}),
    "mnistlab_page_seconds": ("histogram", {}),
    "mnistlab_answer_seconds": ("histogram", {}),
    "mnistlab_training_seconds": ("histogram", {}),
}

KNOWN_SETTINGS = {each.name for each in fields(AppOptions)}
_OTHERS = {"MNISTLAB_HOME", "MNISTLAB_MNIST", "MNISTLAB_OFFLINE", "MNISTLAB_SCHEDULER"}


def is_setting(variable: str) -> bool:
    """Whether the server reads a variable; those of other programs are not its business."""
    name = variable.removeprefix(ENVIRONMENT)
    if name != variable:
        return name == name.upper() and name.lower() in KNOWN_SETTINGS
    return variable in _OTHERS if variable.startswith("MNISTLAB_") else True


def image_environment() -> dict[str, str]:
    """The variables that the Dockerfile sets, as without MNIST in the image."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    (line,) = re.findall(r"^ENV (.*)$", text, re.MULTILINE)
    pairs = dict(part.split("=", 1) for part in line.split())
    return {name: re.sub(r"\$\{\w+:\+[^}]*\}", "", value) for name, value in pairs.items()}


def read_yaml(name: str) -> Any:
    """One YAML document below `deploy/`."""
    return yaml.safe_load((DEPLOY / name).read_text())


def read_all_yaml(name: str) -> list[dict[str, Any]]:
    """All YAML documents of a file below `deploy/`."""
    return list(yaml.safe_load_all((DEPLOY / name).read_text()))


def dashboard() -> dict[str, Any]:
    """Grafana's dashboard."""
    board: dict[str, Any] = json.loads((DEPLOY / "grafana" / "mnistlab.json").read_text())
    return board


def check_query(query: str) -> None:
    """Check the metrics of a PromQL query, and the values of labels that it asks for."""
    found = re.findall(r"\b(mnistlab_\w+)(?:\{([^}]*)\})?", query)
    assert found or "up{" in query, query
    for name, labels in found:
        base = _base(name)
        assert base in METRICS, f"{name} is not a metric of the server: {query}"
        kind, known = METRICS[base]
        assert (base != name) == (kind == "histogram"), f"{name} is a {kind}: {query}"
        for label, operator, value in re.findall(r'(\w+)(=~|!=|=)"([^"]*)"', labels):
            if label in known:
                assert set(value.split("|")) <= known[label], query
            else:
                assert label in ("instance", "job"), f"no label {label}: {operator} in {query}"
    for by in re.findall(r"by \(([^)]*)\)", query):
        own = {label for name, _ in found for label in METRICS[_base(name)][1]}
        assert set(by.replace(" ", "").split(",")) <= own | {"instance", "le"}, query
    # A counter means something only as a rate.
    for name, _ in found:
        if name.endswith("_total"):
            assert re.search(rf"(rate|increase)\({name}\b", query), query


def _base(name: str) -> str:
    return re.sub(r"_(bucket|sum|count)$", "", name)
