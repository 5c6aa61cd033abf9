import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from gateway.config.settings import TlsSettings
from gateway.model.errors import GatewayError
from gateway.workers.certificate import Certificate, load_certificate
from tests.support.builders.certificates import issued

Shown = Callable[[], "asyncio.Future[str]"]


async def shown(port: int, authority: trustme.CA, name: str | None = "gateway.test") -> tuple[bytes, str | None]:
    """Return the certificate of a handshake, and the protocol that was chosen."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.check_hostname = False
    context.set_alpn_protocols(["h2", "http/1.1"])
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name or "")
    made = writer.get_extra_info("ssl_object")
    writer.close()
    return made.getpeercert(binary_form=True), made.selected_alpn_protocol()


@pytest.mark.parametrize("name", ["gateway.test", None])
async def test_a_new_certificate_is_shown_from_the_next_handshake_on(tmp_path: Path, name: str | None) -> None:
    authority = trustme.CA()
    # another kind of key: OpenSSL would go on showing the old one beside it
    old = issued(authority, tmp_path / "old", key_type=trustme.KeyType.RSA)
    new = issued(authority, tmp_path / "new", key_type=trustme.KeyType.ECDSA)
    certificate = Certificate(load_certificate(old))
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=certificate.context)
    port = server.sockets[0].getsockname()[1]
    first = await shown(port, authority, name)
    certificate.use(load_certificate(new))
    second = await shown(port, authority, name)
    certificate.use(load_certificate(old))
    assert first != second
    assert await shown(port, authority, name) == first
    assert first[1] == second[1] == "http/1.1"
    server.close()
    await server.wait_closed()


def test_no_connection_shakes_hands_twice(tmp_path: Path) -> None:
    context = load_certificate(issued(trustme.CA(), tmp_path))
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_what_cannot_be_shown_is_told_with_its_files(tmp_path: Path) -> None:
    one, other = issued(trustme.CA(), tmp_path / "one"), issued(trustme.CA(), tmp_path / "other")
    for pair in (
        TlsSettings(cert_file=one.cert_file, key_file=other.key_file),
        TlsSettings(cert_file=one.key_file, key_file=one.key_file),
        TlsSettings(cert_file=tmp_path / "absent.pem", key_file=one.key_file),
    ):
        with pytest.raises(GatewayError, match=f"^listen.tls: {pair.cert_file} and {pair.key_file} cannot be used: "):
            load_certificate(pair)


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(tmp_path: Path) -> None:
    pair = issued(trustme.CA(), tmp_path, password=b"hunter2")
    with pytest.raises(GatewayError, match="cannot be used"):
        load_certificate(pair)
