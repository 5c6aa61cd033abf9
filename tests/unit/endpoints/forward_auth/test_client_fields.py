from __future__ import annotations

import pytest

from gateway.endpoints.forward_auth.caddy import CaddyReader
from gateway.endpoints.forward_auth.client_fields import ClientFields
from gateway.endpoints.forward_auth.envoy import EnvoyReader
from gateway.endpoints.forward_auth.nginx import NginxReader
from gateway.endpoints.forward_auth.original import OriginalReader
from gateway.endpoints.forward_auth.traefik import TraefikReader
from gateway.model.errors import MalformedError
from gateway.model.headers import Headers
from gateway.upstream.request_head import RequestHeads, Stripped

REMOVE = b"X-Envoy-Auth-Headers-To-Remove"


def fields_of(reader: OriginalReader, *credentials: bytes) -> ClientFields:
    shown = frozenset(credentials or (b"x-api-key",))
    stripped = Stripped(
        frozenset({b"x-user-id"}), shown, frozenset({b"__session"}), foreign=lambda name: name == b"remote-user"
    )
    return ClientFields(reader, RequestHeads(stripped), frozenset({b"x-user-id"}), shown)


def refuses(fields: ClientFields, *names: bytes) -> bool:
    headers = Headers([(name, b"1") for name in names])
    try:
        fields.require_no_stray(headers)
        fields.require_no_stray(headers)  # remembered
    except MalformedError:
        return True
    return False


@pytest.mark.parametrize(
    ("reader", "known"),
    [
        (NginxReader(), b"X-Forwarded-For"),
        (TraefikReader(), b"X-Forwarded-Port"),
        (CaddyReader(), b"X-Forwarded-For"),
        (EnvoyReader("/auth"), b"X-Real-IP"),
    ],
)
def test_a_proxys_own_fields_pass_in_its_own_spelling_alone(reader: OriginalReader, known: bytes) -> None:
    fields = fields_of(reader)
    assert not refuses(fields, known, b"X-User-Id", b"Transfer-Encoding", b"Accept", b"X-Api-Key", b"Cookie")
    for name in (known, b"X-User-Id", b"Transfer-Encoding", b"X-Api-Key"):
        assert refuses(fields, name.replace(b"-", b"_")), name


def test_what_a_proxy_would_send_on_is_refused_but_where_it_removes_on_our_word() -> None:
    for reader in (NginxReader(), TraefikReader(), CaddyReader()):
        assert refuses(fields_of(reader), b"Remote-User")
        assert fields_of(reader).response_fields(Headers([(b"Remote-User", b"1")]), keep_credentials=False) == ()
    envoy = fields_of(EnvoyReader("/auth"))
    assert not refuses(envoy, b"Remote-User")
    assert refuses(envoy, b"Remote.User")


def test_a_credential_that_has_a_proxys_name_is_read_and_then_removed() -> None:
    name = b"x-forwarded-port"
    for reader in (NginxReader(), EnvoyReader("/auth")):
        fields = fields_of(reader, name)
        assert not refuses(fields, name)
        told = fields.response_fields(Headers([(name, b"1")]), keep_credentials=False)
        assert [value for _, value in told] == ([name] if reader.removes else [])


def test_envoy_is_told_what_to_remove_of_what_came() -> None:
    envoy = fields_of(EnvoyReader("/auth"))
    headers = Headers([(name, b"1") for name in (b"Remote-User", b"X-Api-Key", b"X-User-Id", b"X-Forwarded-For", b"A")])
    for _ in range(2):
        assert envoy.response_fields(headers, keep_credentials=False) == ((REMOVE, b"remote-user,x-api-key"),)
        assert envoy.response_fields(headers, keep_credentials=True) == ((REMOVE, b"remote-user"),)
    assert envoy.response_fields(Headers([(b"A", b"1")]), keep_credentials=False) == ()


@pytest.mark.parametrize(
    ("cookies", "left", "kept"),
    [
        ((), None, None),
        ((b"a=1",), b"a=1", b"a=1"),
        ((b"a=1; __session=x; b=2",), b"a=1; b=2", b"a=1; __session=x; b=2"),
        ((b"__session=x",), b"", b"__session=x"),
        ((b"a=1", b"__session=x", b"b=2"), b"a=1; b=2", b"a=1; __session=x; b=2"),
        ((b"__SESSION=x; a=1",), b"a=1", b"a=1"),
    ],
)
def test_the_cookies_that_are_left_are_told_whole(
    cookies: tuple[bytes, ...], left: bytes | None, kept: bytes | None
) -> None:
    headers = Headers([(b"Cookie", cookie) for cookie in cookies])
    for fields in (fields_of(NginxReader()), fields_of(EnvoyReader("/auth"))):
        for keep, expected in ((False, left), (True, kept)):
            told = fields.response_fields(headers, keep_credentials=keep)
            assert told == (() if expected is None else ((b"Cookie", expected),))
