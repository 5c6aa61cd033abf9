"""What every endpoint's reader keeps to, whatever bytes the headers hold: read as the plain form is, or refused."""

from __future__ import annotations

from ipaddress import ip_network

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gateway.endpoints.access_reader import AccessReader, read_method
from gateway.endpoints.forward_auth.caddy import CaddyReader
from gateway.endpoints.forward_auth.envoy import EnvoyReader
from gateway.endpoints.forward_auth.nginx import NginxReader
from gateway.endpoints.forward_auth.original import (
    EndpointPath,
    ForwardedReader,
    OriginalReader,
    OriginalRequest,
    only_value,
    original_access,
)
from gateway.endpoints.forward_auth.traefik import TraefikReader
from gateway.model.decision import AccessRequest
from gateway.model.errors import MalformedError
from gateway.model.headers import Headers
from gateway.model.host import parse_authority
from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.target import parse_target
from tests.support.builders.forward_auth import Asked
from tests.support.builders.requests import access_request
from tests.support.builders.variants import PATH_PIECES

READERS: dict[str, OriginalReader] = {
    "nginx": NginxReader(),
    "traefik": TraefikReader(),
    "caddy": CaddyReader(),
    "envoy": EnvoyReader("/_gateway/auth/envoy"),
}
ACCESSES = AccessReader((), 8192, lambda: 0.0)


def decision_request(proxy: str, request: Asked) -> AccessRequest:
    """Return the decision request as the front hands it to the endpoint; raises MalformedError where the front does."""
    fields = (*request.told(proxy), *request.lines)
    raw = tuple((name.encode(), value.encode("utf-8", "surrogatepass")) for name, value in fields)
    if proxy != "envoy":
        return access_request("GET", f"/_gateway/auth/{proxy}", raw, b"gateway.internal", "127.0.0.1")
    target = f"/_gateway/auth/envoy{request.target}"
    host = request.host.encode("utf-8", "surrogatepass")
    return access_request(read_method(request.method), target, raw, host, "127.0.0.1")


def restored(proxy: str, request: Asked) -> AccessRequest | None:
    try:
        return original_access(READERS[proxy], decision_request(proxy, request), ACCESSES)
    except MalformedError:
        return None


def plain(request: Asked) -> tuple[str, ...] | None:
    """Return what the gateway reads when its client asks it straight."""
    try:
        host = parse_authority(request.host, "http")
        target = parse_target(request.target)
        return (read_method(request.method), host.name, str(host.port), str(target), target.match)
    except MalformedError:
        return None


PIECES = st.sampled_from(
    [
        *PATH_PIECES,
        "//",
        "public",
        "%00",
        "@",
        ":",
        ",",
        "*",
        "=",
        "&",
        "é",
        "http://",
        "\x00",
        "\t",
        "\r",
        "\n",
        "\udcff",
    ]
) | st.just(" ")
TARGETS = st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=12)
HOSTS = st.sampled_from(["app.test", "App.Test.:80", "", "a@b", "a, b", "app.test:x", "[::1]", "a/b", "a?b"]) | st.text(
    max_size=6
)
METHODS = st.sampled_from(["GET", "POST", "HEAD", "TRACE", "get", "", "GET ", "PROPFIND", "GET, POST"]) | st.text(
    max_size=5
)


@pytest.mark.parametrize("proxy", READERS)
@given(target=TARGETS, host=HOSTS, method=METHODS)
@example(target="/public/../admin", host="app.test", method="GET")
@example(target="//evil.test/public/", host="app.test", method="GET")
@example(target="/", host="app.test/public", method="GET")
@example(target="", host="app.test/public", method="GET")
@example(target="/a", host="a?b", method="GET")
def test_an_endpoint_reads_what_the_plain_form_reads_or_nothing(
    proxy: str, target: str, host: str, method: str
) -> None:
    request = Asked(method=method, target=target, host=host)
    read = restored(proxy, request)
    if proxy == "nginx":  # tells host and target in one text, which has one reading: up to its first slash is the host
        authority, _, rest = f"{host}{target}".partition("/")
        request = Asked(method=method, target=f"/{rest}", host=authority)
    expected = plain(request)
    if read is not None:
        found = (read.method, read.host.name, str(read.host.port), str(read.target), read.target.match)
        assert found == expected


@given(
    fields=st.lists(
        st.tuples(
            st.sampled_from(sorted(NginxReader.trusted_fields | TraefikReader.trusted_fields)), st.binary(max_size=12)
        )
    )
)
def test_no_bytes_make_a_reader_fail_in_another_way_than_by_refusing(fields: list[tuple[bytes, bytes]]) -> None:
    for proxy, reader in READERS.items():
        request = access_request("GET", f"/_gateway/auth/{proxy}/x", tuple(fields))
        try:
            original_access(reader, request, ACCESSES)
        except MalformedError as error:
            assert error.refusal.status in {400, 405, 501}  # noqa: PT017 - raised or not, both are right


def test_exactly_one_value_that_says_something() -> None:
    assert only_value(Headers(((b"X-A", b"1"),)), b"x-a") == "1"
    for raw in ((), ((b"X-A", b""),), ((b"X-A", b"1"), (b"x-a", b"1"))):
        with pytest.raises(MalformedError):
            only_value(Headers(raw), b"x-a")


@pytest.mark.parametrize("proxy", READERS)
def test_the_client_is_the_last_address_that_no_trusted_proxy_has(proxy: str) -> None:
    request = decision_request(proxy, Asked(client="198.51.100.1, 192.0.2.9, 10.0.0.1"))
    assert original_access(READERS[proxy], request, ACCESSES).client == "10.0.0.1"
    behind = AccessReader([ip_network("10.0.0.0/8")], 8192, lambda: 0.0)
    assert original_access(READERS[proxy], request, behind).client == "192.0.2.9"


@pytest.mark.parametrize("proxy", READERS)
def test_a_websockets_own_fields_say_that_it_is_an_upgrade(proxy: str) -> None:
    for name in ("Sec-WebSocket-Key", "sec-websocket-version"):
        read = restored(proxy, Asked(lines=((name, "13"),)))
        assert read is not None
        assert read.is_upgrade
    quiet = restored(proxy, Asked())
    assert quiet is not None
    assert not quiet.is_upgrade


@pytest.mark.parametrize("proxy", READERS)
def test_the_limit_of_targets_holds_here_too(proxy: str) -> None:
    short = AccessReader((), 20, lambda: 0.0)
    request = decision_request(proxy, Asked(target="/" + "a" * 30))
    with pytest.raises(MalformedError) as refused:
        original_access(READERS[proxy], request, short)
    assert refused.value.refusal.status == 414


def test_who_asked_and_when_stays_what_it_was() -> None:
    request = msgspec.structs.replace(decision_request("nginx", Asked()), received_at=7.0)
    read = original_access(READERS["nginx"], request, ACCESSES)
    assert (read.peer, read.received_at, read.request_id) == (request.peer, 7.0, request.request_id)


def test_an_endpoint_is_somewhere() -> None:
    path: TypeAdapter[str] = TypeAdapter(EndpointPath)
    assert path.validate_python("/auth/") == "/auth"
    for nowhere in ("", "/", "auth", "/a/../b"):
        with pytest.raises(ValidationError):
            path.validate_python(nowhere)


READER = ForwardedReader("some proxy")
TOLD = {
    b"X-Forwarded-Method": b"POST",
    b"X-Forwarded-Proto": b"https",
    b"X-Forwarded-Host": b"app.test",
    b"X-Forwarded-Uri": b"/a?b",
    b"X-Forwarded-For": b"192.0.2.1",
}


def read(fields: dict[bytes, bytes]) -> OriginalRequest:
    return READER.read(access_request("GET", "/_gateway/auth?own=query", tuple(fields.items()), b"gateway.internal"))


def test_the_five_fields_are_the_original_request_and_the_proxys_own_is_not() -> None:
    assert read(TOLD) == OriginalRequest("POST", "https", "app.test", "/a?b", "192.0.2.1")
    assert {name.lower() for name in TOLD} == READER.trusted_fields


@pytest.mark.parametrize("missing", TOLD)
def test_every_one_of_them_is_needed(missing: bytes) -> None:
    with pytest.raises(MalformedError):
        read({name: value for name, value in TOLD.items() if name != missing})


@pytest.mark.parametrize(("proto", "scheme"), [(b"ws", "http"), (b"wss", "https"), (b"gopher", "gopher")])
def test_websockets_have_the_scheme_of_their_handshake(proto: bytes, scheme: str) -> None:
    assert read(TOLD | {b"X-Forwarded-Proto": proto}).scheme == scheme


@pytest.mark.parametrize("code", RefusalCode)
def test_refusals_are_passed_on_as_they_are(code: RefusalCode) -> None:
    assert READER.translate(Refusal(code)) == Refusal(code)
