from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from gateway.directory.postgres_options import driver_options


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
        ({"sslmode": "require", "channel_binding": "prefer", "gssencmode": "disable"}, {"ssl": "require"}),
        ({"target_session_attrs": "read-write"}, {"target_session_attrs": "read-write"}),
        ({"connect_timeout": "10"}, {"timeout": 10.0}),
        ({"connect_timeout": "0", "client_encoding": "UTF8", "load_balance_hosts": "disable"}, {}),
        ({"options": "-c statement_timeout=5s"}, {"server_settings": {"options": "-c statement_timeout=5s"}}),
        ({"fallback_application_name": "gw"}, {"server_settings": {"application_name": "gw"}}),
        ({"fallback_application_name": "a", "application_name": "b"}, {"server_settings": {"application_name": "b"}}),
        ({"sslmode": "require", "sslnegotiation": "direct"}, {"ssl": "require", "direct_tls": True}),
        ({"sslnegotiation": "postgres"}, {"ssl": "prefer"}),
        ({"prepared_statement_cache_size": "0"}, {"statement_cache_size": 0}),
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
    for named in ({"sslmode": "verify-full"}, {"sslrootcert": "system"}):
        context = driver_options(named)["ssl"]
        assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert len(context.get_ca_certs()) >= 1


def test_a_certificate_of_ours_is_shown(tmp_path: Path, authority: Path) -> None:
    pem = tmp_path / "client.pem"
    trustme.CA().issue_cert("gateway@example.com").private_key_and_cert_chain_pem.write_to_path(pem)
    files = {"sslrootcert": str(authority), "sslcert": str(pem)}
    assert isinstance(driver_options(files)["ssl"], ssl.SSLContext)
    with pytest.raises(ValueError, match="a sslcert and its key that cannot be used"):
        driver_options({**files, "sslcert": str(authority)})  # a certificate without its key


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"sslmode": "verify"}, "no such sslmode: disable, allow, prefer, require, verify-ca, verify-full"),
        ({"sslmode": "require", "sslrootcert": "ca.pem"}, "need the sslmode verify-full"),
        ({"sslrootcert": "/there/is/no/such/file"}, "a sslrootcert that cannot be used: No such file or directory"),
        ({"sslrootcert": __file__}, "a sslrootcert that cannot be used: no certificate in PEM"),
        ({"sslrootcert": "system", "sslmode": "require"}, "needs the sslmode verify-full"),
        ({"sslkey": __file__}, "no sslcert that it is the key of"),
        ({"sslmode": "prefer", "sslnegotiation": "direct"}, "needs the sslmode require"),
        ({"sslnegotiation": "hunter2"}, "no such sslnegotiation: postgres, direct"),
        (
            {"channel_binding": "require"},
            "channel_binding, which the driver cannot require: write channel_binding=prefer",
        ),
        ({"target_session_attrs": "hunter2"}, "no such target_session_attrs: any, primary"),
        ({"connect_timeout": "hunter2"}, "no whole number of seconds"),
        ({"connect_timeout": "-1"}, "no whole number of seconds"),
        ({"connect_timeout": "99999999999999999999"}, "no whole number of seconds"),
        ({"client_encoding": "hunter2"}, "client_encoding, which is UTF8 here"),
        ({"statement_cache_size": "100"}, "a statement_cache_size that is not 0"),
        ({"pgbouncer": "true"}, "pgbouncer, which is Prisma's: leave it out"),
        ({"ssl": "true"}, "write sslmode=require"),
        ({"spam": "hunter2"}, "not known here: spam"),
    ],
)
def test_what_cannot_be_used_is_refused_at_the_start(query: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        driver_options(query)
    assert "hunter2" not in str(refused.value)
