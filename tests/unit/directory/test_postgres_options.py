from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from gateway.directory.postgres_options import driver_options
from gateway.model.errors import DirectoryError


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(path)
    return path


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ({}, {}),
        ({"sslmode": "disable"}, {"ssl": False}),
        ({"sslmode": "require"}, {"ssl": "require"}),
        ({"application_name": "gw"}, {"server_settings": {"application_name": "gw"}}),
        ({"host": ("a:1", "b:2"), "target_session_attrs": "primary", "prepared_statement_cache_size": "0"}, {}),
    ],
)
def test_what_is_asked_for_is_told_to_the_driver(query: dict[str, str], options: dict[str, object]) -> None:
    assert driver_options(query) == options


@pytest.mark.parametrize(
    ("mode", "checks_the_name"), [("verify-full", True), ("verify-ca", False), (None, True)], ids=str
)
def test_whoever_names_an_authority_has_it_asked(authority: Path, mode: str | None, checks_the_name: bool) -> None:
    query = {"sslrootcert": str(authority)} | ({"sslmode": mode} if mode else {})
    context = driver_options(query)["ssl"]
    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, checks_the_name)
    assert len(context.get_ca_certs()) == 1


def test_without_an_authority_the_system_s_are_asked(authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    context = driver_options({"sslmode": "verify-full"})["ssl"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert len(context.get_ca_certs()) >= 1


def test_a_certificate_of_ours_is_shown(tmp_path: Path, authority: Path) -> None:
    pem = tmp_path / "client.pem"
    trustme.CA().issue_cert("gateway@example.com").private_key_and_cert_chain_pem.write_to_path(pem)
    files = {"sslrootcert": str(authority), "sslcert": str(pem)}
    assert isinstance(driver_options(files)["ssl"], ssl.SSLContext)
    with pytest.raises(DirectoryError, match="TLS"):
        driver_options({**files, "sslcert": str(authority)})  # a certificate without its key


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"sslmode": "verify"}, "no such sslmode: disable, allow, prefer, require, verify-ca, verify-full"),
        ({"sslmode": ("require", "disable")}, "twice: sslmode"),
        ({"sslmode": "require", "sslrootcert": "ca.pem"}, "need the sslmode verify-full"),
        ({"sslrootcert": "/there/is/no/such/file"}, "FileNotFoundError"),
        ({"spam": "hunter2"}, "not known here: spam"),
    ],
)
def test_what_cannot_be_used_is_refused_at_the_start(query: dict[str, str], message: str) -> None:
    with pytest.raises(DirectoryError, match=message) as refused:
        driver_options(query)
    assert "hunter2" not in str(refused.value)
