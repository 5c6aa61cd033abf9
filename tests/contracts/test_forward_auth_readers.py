"""What the reader of every proxy that may ask owes to its endpoint: the original request, or a refusal."""

from __future__ import annotations

import pytest

from gateway.endpoints.access_reader import AccessReader
from gateway.endpoints.forward_auth.kinds import FORWARD_AUTH, build_reader
from gateway.endpoints.forward_auth.original import OriginalReader, original_access
from gateway.model.decision import AccessRequest
from gateway.model.errors import MalformedError
from gateway.model.refusal import Refusal, RefusalCode
from tests.support.builders.forward_auth import PROXIES, Asked
from tests.support.builders.requests import access_request

ASKED = Asked(method="POST", target="/echo/a?b=%20c", scheme="https")
ACCESSES = AccessReader((), 8192, lambda: 0.0)
Lines = tuple[tuple[str, str], ...]


def reader(proxy: str) -> OriginalReader:
    kind = FORWARD_AUTH.own[proxy]
    return build_reader(proxy, kind.settings.model_validate({}))


def decision_request(proxy: str, lines: Lines) -> AccessRequest:
    """Return the request of a proxy as the gateway gets it: its line and Host as it writes them, and these fields."""
    start = ASKED.start(proxy).split("\r\n")
    method, target, _ = start[0].split()
    fields = tuple((name.encode(), value.encode()) for name, value in lines)
    return access_request(method, target, fields, host=start[1].partition(": ")[2].encode())


def test_every_kind_of_the_table_is_here() -> None:
    assert set(FORWARD_AUTH.own) == set(PROXIES)


@pytest.mark.parametrize("proxy", PROXIES)
def test_the_original_request_is_read(proxy: str) -> None:
    original = original_access(reader(proxy), decision_request(proxy, ASKED.told(proxy)), ACCESSES)
    shown = (original.method, original.scheme, original.host.name, original.target.match, original.target.query)
    assert shown == ("POST", "https", "app.test", "/echo/a", "b=%20c")
    assert original.client == "192.0.2.7"


@pytest.mark.parametrize("proxy", PROXIES)
def test_what_the_proxy_overwrites_is_there_exactly_once(proxy: str) -> None:
    told = ASKED.told(proxy)
    for place, (name, value) in enumerate(told):
        for lines in (told[:place] + told[place + 1 :], (*told, (name, value)), (*told, (name, "x"))):
            with pytest.raises(MalformedError):
                original_access(reader(proxy), decision_request(proxy, lines), ACCESSES)


@pytest.mark.parametrize("proxy", PROXIES)
def test_another_proxy_s_words_are_refused(proxy: str) -> None:
    trusted = reader(proxy).trusted_fields
    for other in PROXIES:
        for line in ASKED.told(other):
            foreign = line[0].lower().encode() not in trusted
            if foreign and line[0].startswith(("X-Original", "X-Forwarded-Method", "X-Forwarded-Uri")):
                with pytest.raises(MalformedError):
                    original_access(reader(proxy), decision_request(proxy, (*ASKED.told(proxy), line)), ACCESSES)


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("code", RefusalCode)
def test_no_refusal_becomes_an_allow(proxy: str, code: RefusalCode) -> None:
    assert reader(proxy).translate(Refusal(code)).status >= 400


@pytest.mark.parametrize("proxy", PROXIES)
def test_names_are_lower_case_and_the_proxy_s(proxy: str) -> None:
    named = reader(proxy)
    fields = named.trusted_fields | named.own_fields
    assert named.name == proxy
    assert all(name == name.lower() for name in fields)
