"""The page for whoever operates it agrees with the program: metrics, alerts, the dashboard, log fields."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from gateway.telemetry.access_log import AccessLine
from gateway.telemetry.audit import AuditEvent, AuditOutcome, _AuditLine
from tests.support.gateways.running import Running, running
from tests.support.gateways.serving import PROJECT_KEY, Examples, config
from tests.support.readers import pages
from tests.support.repository import DEPLOY, DOCS, ROOT
from tests.support.servers.recording_upstream import recording_upstream

OPERATING = pages.text_of(DOCS / "OPERATING.md")
DASHBOARD = json.loads((DEPLOY / "grafana/dashboard.json").read_text(encoding="utf-8"))
OF_HISTOGRAMS = re.compile(r"_(?:bucket|count|sum)$")
RULES = YAML(typ="safe", pure=True).load(DEPLOY / "prometheus/rules.yaml")
LIBRARY = ("process_", "python_")

Shown = dict[str, tuple[str, frozenset[str]]]
"""A metric's name -> its type and labels."""


def documented() -> Shown:
    rows = re.findall(r"(?m)^\| `(gateway_\w+)` \| (\w+) \| (.*?) \|", OPERATING)
    return {name: (kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


async def real(gateway: Running) -> Shown:
    """Return what `/metrics` has, by the names that a query would ask for."""
    shown: Shown = {}
    for family in text_string_to_metric_families((await gateway.admin("/metrics")).body.decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        if not name.startswith(LIBRARY):
            shown[name] = (family.type, frozenset(labels))
    return shown


async def test_the_table_of_metrics_is_what_a_gateway_tells_and_the_reverse(
    tmp_path: Path, examples: Examples, redis_url: str, key_prefix: str
) -> None:
    """With everything switched on, and one request of each sort that a label needs."""
    async with recording_upstream() as upstream:
        settings = config(
            upstream.port, examples.settings(tmp_path), redis={"url": redis_url, "key_prefix": key_prefix}
        )
        settings["listen"] |= {"watch": "0s", "workers": 2}
        settings["telemetry"] = {"traces": "otlp"}
        settings["routes"].append(
            {"name": "gone", "match": {"path": "/gone/"}, "access": "public", "upstream": "http://127.0.0.1:9"}
        )
        path = tmp_path / "gateway.yaml"
        path.write_text(json.dumps(settings))
        async with running(path, {"OTEL_TRACES_SAMPLER": "always_off"}) as gateway:
            await gateway.ask("/echo/", f"X-Api-Key: {PROJECT_KEY}")
            await gateway.ask("/gone/")
            found = await real(gateway)
    # a label of what did not happen here is not there: no retry took place
    known = {name: (kind, labels if found[name][1] else frozenset()) for name, (kind, labels) in documented().items()}
    assert known == found


def test_every_alert_asks_for_metrics_labels_and_parts_of_the_runbook_that_are_there() -> None:
    table = documented()
    parts = pages.anchors(DOCS / "RUNBOOK.md")
    for rule in RULES["groups"][0]["rules"]:
        named = set(re.findall(r"(?:gateway|process)_\w+", rule["expr"]))
        assert named
        assert {name for name in named if name.startswith("gateway_")} <= set(table), rule["alert"]
        known = {label for name in named if name in table for label in table[name][1]} | {"job"}
        assert set(re.findall(r"(\w+)(?:!?=~?)\"", rule["expr"])) <= known, rule["alert"]
        assert rule["annotations"]["runbook"].partition("#")[2] in parts, rule["alert"]


def queries() -> list[str]:
    """Return what the dashboard asks Prometheus, with what Grafana puts into it."""
    targets = [target for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]
    return [target["expr"].replace("$__rate_interval", "5m") for target in targets]


def test_every_alert_and_every_query_of_the_dashboard_can_be_parsed() -> None:
    for query in (*queries(), *(rule["expr"] for rule in RULES["groups"][0]["rules"])):
        promql_parser.parse(query)
    with pytest.raises(ValueError, match="unclosed"):
        promql_parser.parse("sum(rate(gateway_requests_total[5m])")


def test_the_dashboard_shows_every_metric_and_asks_for_no_other() -> None:
    named = {name for query in queries() for name in re.findall(r"gateway_\w+", query)}
    assert {OF_HISTOGRAMS.sub("", name) for name in named} == set(documented())


def test_the_dashboard_asks_for_labels_that_its_metrics_have() -> None:
    table = documented()
    for query in queries():
        metrics = [OF_HISTOGRAMS.sub("", name) for name in re.findall(r"gateway_\w+", query)]
        known = {label for name in metrics for label in table[name][1]} | {"job", "instance", "le"}
        grouped = {label.strip() for labels in re.findall(r"by \((.*?)\)", query) for label in labels.split(",")}
        assert grouped | set(re.findall(r"(\w+)(?:!?=~?)\"", query)) <= known, query


def test_every_panel_of_the_dashboard_says_what_it_shows() -> None:
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    assert [panel["title"] for panel in panels if not panel["description"]] == []
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def fields(kind: str) -> set[str]:
    """Return the fields that the page lists for one kind of line."""
    (part,) = re.findall(rf'(?s)\*\*`"log": "{kind}"`\*\*.*?\n\n(\|.*?)\n\n', OPERATING)
    first = re.findall(r"(?m)^\| (`.*?) \|", part)
    return {name for cell in first for name in re.findall(r"`(\w+)`", cell)}


@pytest.mark.parametrize(("kind", "line"), [("access", AccessLine), ("audit", _AuditLine)])
def test_the_table_of_a_lines_fields_is_what_it_can_hold_and_the_reverse(kind: str, line: Any) -> None:
    assert fields(kind) == set(line.__struct_fields__)


def test_every_audit_event_and_outcome_is_on_the_page() -> None:
    (events,) = re.findall(r"(?m)^\| `event` \| (.*) \|$", OPERATING)
    assert set(re.findall(r"`(\w+)`", events)) == {event.value for event in AuditEvent}
    (outcomes,) = re.findall(r"(?m)^\| `outcome` \| (`done`.*) \|$", OPERATING)
    assert set(re.findall(r"`(\w+)`", outcomes)) == {outcome.value for outcome in AuditOutcome}


LogEvent = tuple[str, str, frozenset[str]]
"""The name of a program line's event, its level, and its fields."""


def logged() -> Iterator[LogEvent]:
    """Yield every event that the program logs, as its source says; the name of each is a literal."""
    for path in (ROOT / "gateway").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match call:
                case ast.Call(ast.Attribute(ast.Name("_log"), level), [ast.Constant(str(event))], keywords):
                    named = {("exception" if each.arg == "exc_info" else str(each.arg)) for each in keywords}
                    traceback = {"exception"} if level == "exception" else set()
                    yield event, "error" if level == "exception" else level, frozenset(named | traceback)
                case ast.Call(ast.Attribute(ast.Name("_log"))):
                    raise AssertionError(f"{path}: {ast.unparse(call)} has no literal event")


def test_the_table_of_program_events_is_what_the_program_logs_and_the_reverse() -> None:
    (table,) = re.findall(r"(?m)^\| event \| level \| fields \| meaning \|\n((?:\|.*\n)+)", OPERATING)
    rows = re.findall(r"(?m)^\| `(\w+)` \| (\w+) \| (.*?) \|", table)
    documented_events = [(name, level, frozenset(re.findall(r"`(\w+)`", cell))) for name, level, cell in rows]
    assert sorted(documented_events) == sorted(set(logged()))
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name, _, _ in documented_events)
