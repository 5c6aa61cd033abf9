"""What spans tell: names of the stable conventions for HTTP, and `gateway.*` for fields of the access line.

Nothing that the access line does not tell: no query, no credential. Not whose session it is either, since traces often
go to another company than logs; the access line of the same `request_id` says that.
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
from gateway.model.route import Route
from gateway.telemetry.access_line import shown_path
from gateway.telemetry.outcome import outcome_of
from gateway.telemetry.record import RequestRecord

Attributes = dict[str, str | int | float | bool]

OTHER = "_OTHER"
"""The conventions' word for a method that is none of HTTP's: foreign text makes no names."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


def method_of(record: RequestRecord) -> str:
    """Return the method, if it is one that is ever carried."""
    return record.method if record.method in _METHODS else OTHER


def of_request(record: RequestRecord) -> Attributes:
    """Return what is told of a request as its caller sees it."""
    told: Attributes = {
        HTTP_REQUEST_METHOD: method_of(record),
        "gateway.request_id": record.request_id,
        "gateway.endpoint": record.endpoint,
        "gateway.decision": outcome_of(record).value,
    }
    if record.path:
        told[URL_PATH] = _text(shown_path(record.path))
    if record.host:
        told[SERVER_ADDRESS] = record.host
    if record.client:
        told[CLIENT_ADDRESS] = record.client
    if record.status:
        told[HTTP_RESPONSE_STATUS_CODE] = record.status
    if record.fault:
        told["gateway.fault"] = record.fault
    if record.decision is not None:
        _tell_decision(told, record.decision, record.endpoint)
    return told


def of_resolution(resolution: Resolution, decision: Decision | None) -> Attributes:
    """Return what is told of how it was found out who somebody is."""
    told: Attributes = {"gateway.tier": resolution.tier.value, "gateway.answer": _answer(resolution)}
    if resolution.authority:
        told["gateway.authority"] = resolution.authority
    if resolution.age:
        told["gateway.age"] = resolution.age
    if resolution.stale:
        told["gateway.stale"] = True
    if isinstance(resolution.answer, Rejected):
        told["gateway.rejected"] = resolution.answer.reason.value
    if decision is not None and decision.credential is not None:
        told["gateway.credential"] = decision.credential.kind.value
        told["gateway.reader"] = decision.credential.reader
    return told


def of_upstream(record: RequestRecord) -> Attributes:
    """Return what is told of a request as its upstream sees it."""
    told: Attributes = {HTTP_REQUEST_METHOD: method_of(record), NETWORK_PROTOCOL_VERSION: "1.1"}
    decision = record.decision
    route = decision.route if decision is not None else None
    upstream = record.upstream or _only_upstream(route)
    if upstream:
        told[SERVER_ADDRESS], told[SERVER_PORT] = _address(upstream)
        if decision is not None and route is not None:
            told[URL_FULL] = upstream + shown_path(decision.access.target.beneath(route.strip_prefix))
    if record.upstream_status:
        told[HTTP_RESPONSE_STATUS_CODE] = record.upstream_status
    if record.retried:
        told[HTTP_REQUEST_RESEND_COUNT] = 1
    return told


def _tell_decision(told: Attributes, decision: Decision, endpoint: str) -> None:
    told[URL_SCHEME] = decision.access.scheme
    told[SERVER_PORT] = decision.access.host.port
    if decision.route is not None:
        told[HTTP_ROUTE] = decision.route.match.path
        told["gateway.route"] = decision.route.name
    elif endpoint != "proxy" and not endpoint.startswith("forward_auth."):
        told[HTTP_ROUTE] = decision.access.target.match  # an own path, of which there are a few
    if decision.rule:
        told["gateway.rule"] = decision.rule
    if decision.refusal is not None:
        told["gateway.reason"] = decision.refusal.code.value


def _answer(resolution: Resolution) -> str:
    if isinstance(resolution.answer, Found):
        return "found"
    return "rejected" if isinstance(resolution.answer, Rejected) else "unavailable"


def _only_upstream(route: Route | None) -> str:
    """Return the one upstream that a request was for which never came to it."""
    return str(route.upstream[0]) if route is not None and len(route.upstream) == 1 else ""


@lru_cache(maxsize=1024)
def _address(upstream: str) -> tuple[str, int]:
    parts = urlsplit(upstream)
    return parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)


def _text(text: str) -> str:
    """Return text that can be encoded; bytes that were no UTF-8 may arrive as surrogates, and would be left out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
