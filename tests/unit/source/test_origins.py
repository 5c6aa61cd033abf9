from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.source.origins import HostName, Origin

ORIGIN = TypeAdapter(Origin)
HOST = TypeAdapter(HostName)


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("https://app.example.com", "https://app.example.com"),
        ("https://App.Example.com:443", "https://app.example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
    ],
)
def test_an_origin_is_spelled_as_browsers_do(written: str, spelled: str) -> None:
    assert ORIGIN.validate_python(written) == spelled


@pytest.mark.parametrize(
    "written", ["*", "null", "app.example.com", "https://a/b", "https://", "ftp://a", "https://*.a"]
)
def test_what_no_browser_sends_is_no_origin(written: str) -> None:
    with pytest.raises(ValidationError):
        ORIGIN.validate_python(written)


def test_a_host_is_spelled_as_hosts_are_matched() -> None:
    assert HOST.validate_python("API.example.com.") == "api.example.com"


@pytest.mark.parametrize("written", ["", "api.example.com:8080", "*.example.com", "a/b", "http://a"])
def test_what_no_request_can_be_for_is_no_host(written: str) -> None:
    with pytest.raises(ValidationError):
        HOST.validate_python(written)
