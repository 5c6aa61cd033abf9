import pytest

from gateway.endpoints.forward_auth.envoy import EnvoyReader
from gateway.endpoints.forward_auth.original import OriginalRequest
from gateway.model.errors import MalformedError
from gateway.model.refusal import Refusal, RefusalCode
from tests.support.builders.requests import access_request

READER = EnvoyReader("/auth")
TOLD = ((b"X-Forwarded-Proto", b"https"), (b"X-Real-IP", b"192.0.2.1"))


def read(target: str, fields: tuple[tuple[bytes, bytes], ...] = TOLD) -> OriginalRequest:
    return READER.read(access_request("PUT", target, fields, b"app.test:8443"))


@pytest.mark.parametrize(
    ("target", "original"),
    [
        ("/auth/a?b", "/a?b"),
        ("/auth/", "/"),
        ("/auth/auth/a", "/auth/a"),
        ("/%61uth/%61", "/a"),
        ("/auth/a%2fb?c=%2f", "/a%2fb?c=%2f"),
    ],
)
def test_what_follows_the_endpoints_path_is_the_original_target(target: str, original: str) -> None:
    assert read(target) == OriginalRequest("PUT", "https", "app.test:8443", original, "192.0.2.1")


@pytest.mark.parametrize("target", ["/auth", "/auth?a", "/auth*", "/authentic/a", "/other/a", "/a/auth/b"])
def test_without_one_there_is_nothing_to_judge(target: str) -> None:
    with pytest.raises(MalformedError):
        read(target)


@pytest.mark.parametrize("fields", [TOLD[:1], TOLD[1:], (*TOLD, TOLD[0])])
def test_scheme_and_client_are_told_once(fields: tuple[tuple[bytes, bytes], ...]) -> None:
    with pytest.raises(MalformedError):
        read("/auth/a", fields)


def test_refusals_are_passed_on_as_they_are() -> None:
    for code in RefusalCode:
        assert READER.translate(Refusal(code)) == Refusal(code)
