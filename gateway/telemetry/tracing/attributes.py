"""The attributes of spans: the stable HTTP conventions, and `gateway.*` for fields of the access line.

They hold nothing that the access line does not hold: no query, no credential. They do not say whose session it is
either, since traces often go to another company than logs; the access line of the same `request_id` does.
(https://opentelemetry.io/docs/specs/semconv/http/http-spans/)
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from opentelemetry.semconv.attributes.client_attributes import CLIENT_ADDRESS
from opentelemetry.semconv.attributes.http_attributes import (
    HTTP_REQUEST_METHOD,
    HTTP_REQUEST_RESEND_COUNT,
    HTTP_RESPONSE_STATUS_CODE,
    HTTP_ROUTE,
)
from opentelemetry.semconv.attributes.network_attributes import NETWORK_PROTOCOL_VERSION
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS, SERVER_PORT
from opentelemetry.semconv.attributes.url_attributes import URL_FULL, URL_PATH, URL_SCHEME

from gateway.model.answers import Found, Rejected, Resolution
from gateway.model.decision import Decision
from gateway.model.method import STANDARD
from gateway.model.route import Route
from gateway.telemetry.access_log import loggable_path
from gateway.telemetry.record import RequestRecord, outcome_of

Attributes = dict[str, str | int | float | bool]

OTHER = "_OTHER"
"""The conventions' value for a method that is not one of HTTP's, so that foreign text is no span name."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


def method_of(record: RequestRecord) -> str:
    """Return the method, if it is one of those that everybody knows."""
    return record.method if record.method in STANDARD else OTHER


def of_request(record: RequestRecord) -> Attributes:
    """Return the attributes of a request as its caller sees it."""
    attributes: Attributes = {
        HTTP_REQUEST_METHOD: method_of(record),
        "gateway.request_id": record.request_id,
        "gateway.endpoint": record.endpoint,
        "gateway.decision": outcome_of(record).value,
    }
    if record.path:
        attributes[URL_PATH] = _text(loggable_path(record.path))
    if record.host:
        attributes[SERVER_ADDRESS] = record.host
    if record.client:
        attributes[CLIENT_ADDRESS] = record.client
    if record.status:
        attributes[HTTP_RESPONSE_STATUS_CODE] = record.status
    if record.fault:
        attributes["gateway.fault"] = record.fault
    if record.decision is not None:
        _add_decision(attributes, record.decision, record.endpoint)
    return attributes


def of_resolution(resolution: Resolution, decision: Decision | None) -> Attributes:
    """Return the attributes of a resolution."""
    attributes: Attributes = {"gateway.tier": resolution.tier.value, "gateway.answer": _answer(resolution)}
    if resolution.authority:
        attributes["gateway.authority"] = resolution.authority
    if resolution.age:
        attributes["gateway.age"] = resolution.age
    if resolution.stale:
        attributes["gateway.stale"] = True
    if isinstance(resolution.answer, Rejected):
        attributes["gateway.rejected"] = resolution.answer.reason.value
    if decision is not None and decision.credential is not None:
        attributes["gateway.credential"] = decision.credential.kind.value
        attributes["gateway.reader"] = decision.credential.reader
    return attributes


def of_upstream(record: RequestRecord) -> Attributes:
    """Return the attributes of a request as its upstream sees it."""
    attributes: Attributes = {HTTP_REQUEST_METHOD: method_of(record), NETWORK_PROTOCOL_VERSION: "1.1"}
    decision = record.decision
    route = decision.route if decision is not None else None
    upstream = record.upstream or _only_upstream(route)
    if upstream:
        attributes[SERVER_ADDRESS], attributes[SERVER_PORT] = _address(upstream)
        if decision is not None and route is not None:
            attributes[URL_FULL] = upstream + loggable_path(decision.access.target.beneath(route.strip_prefix))
    if record.upstream_status:
        attributes[HTTP_RESPONSE_STATUS_CODE] = record.upstream_status
    if record.retried:
        attributes[HTTP_REQUEST_RESEND_COUNT] = 1
    return attributes


def _add_decision(attributes: Attributes, decision: Decision, endpoint: str) -> None:
    attributes[URL_SCHEME] = decision.access.scheme
    attributes[SERVER_PORT] = decision.access.host.port
    if decision.route is not None:
        attributes[HTTP_ROUTE] = decision.route.match.path
        attributes["gateway.route"] = decision.route.name
    elif endpoint != "proxy" and not endpoint.startswith("forward_auth."):
        attributes[HTTP_ROUTE] = decision.access.target.match  # an own path, so one of a few
    if decision.rule:
        attributes["gateway.rule"] = decision.rule
    if decision.refusal is not None:
        attributes["gateway.reason"] = decision.refusal.code.value


def _answer(resolution: Resolution) -> str:
    if isinstance(resolution.answer, Found):
        return "found"
    return "rejected" if isinstance(resolution.answer, Rejected) else "unavailable"


def _only_upstream(route: Route | None) -> str:
    """Return the upstream that a request was meant for, where the route has only one."""
    return str(route.upstream[0]) if route is not None and len(route.upstream) == 1 else ""


@lru_cache(maxsize=1024)
def _address(upstream: str) -> tuple[str, int]:
    parts = urlsplit(upstream)
    return parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)


def _text(text: str) -> str:
    """Return encodable text; bytes that were not UTF-8 arrive as surrogates, and the SDK would drop the attribute."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
