from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.authorities.http_settings import EndpointUrl, HttpAuthoritySettings, require_tls


def test_a_file_without_certificates_is_a_problem_of_the_config(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("no certificate")
    for name in ("empty.pem", "missing.pem"):
        with pytest.raises(ValidationError, match="cannot be used"):
            HttpAuthoritySettings(ca_file=str(tmp_path / name))


ANY = TypeAdapter(EndpointUrl)


@pytest.mark.parametrize(
    "url", ["https://id.example.com/jwks", "https://[2001:db8::1]:8443/a?b=c", "http://accounts.internal/session"]
)
def test_an_address_is_kept_as_it_was_written(url: str) -> None:
    assert ANY.validate_python(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "id.example.com/jwks",
        "ftp://id.example.com/",
        "file:///etc/passwd",
        "https://",
        "https://user:pass@id.example.com/",
        "https://id.example.com/#x",
        "https://id.example.com/a b",
        "https://id.example.com:99999/",
        "https://idé.example.com/",
    ],
)
def test_what_could_not_be_asked_or_would_be_logged_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        ANY.validate_python(url)


@pytest.mark.parametrize(
    "url", ["https://id.example.com/", "http://127.0.0.1:3000/", "http://[::1]/", "http://localhost/"]
)
def test_who_says_who_everybody_is_is_asked_over_tls_or_on_loopback(url: str) -> None:
    require_tls(url)


@pytest.mark.parametrize("url", ["http://id.example.com/", "http://10.0.0.1/", "http://localhost.evil.example/"])
def test_and_never_in_the_clear(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        require_tls(url)
    require_tls(url, insecure_http=True)
