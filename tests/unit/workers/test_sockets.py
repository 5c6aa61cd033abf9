import asyncio
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from gateway.config.settings import ListenSettings, TlsSettings
from gateway.model.errors import GatewayError
from gateway.workers.sockets import Certificate, bind_ports, load_certificate, port_of
from tests.support.builders.certificates import issued


def listen(**places: str) -> ListenSettings:
    return ListenSettings.model_validate({"public": "127.0.0.1:0", "admin": "127.0.0.1:0", **places})


def test_every_port_is_bound_and_reachable() -> None:
    ports = bind_ports(listen(health="127.0.0.1:0"))
    numbers = {port_of(sockets) for sockets in (ports.public, ports.admin, ports.health)}
    assert len(numbers) == 3
    for number in numbers:
        socket.create_connection(("127.0.0.1", number), 5.0).close()
    ports.close()
    for number in numbers:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", number), 5.0)
    ports.close()  # twice is once


def test_without_a_health_port_there_is_none() -> None:
    ports = bind_ports(listen())
    assert ports.health == ()
    ports.close()


def test_a_taken_port_is_named_and_leaves_none_bound() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        number, other = taken.getsockname()[1], free.getsockname()[1]
        free.close()
        with pytest.raises(GatewayError, match=f"^cannot listen at 127.0.0.1:{number}: Address already in use$"):
            bind_ports(listen(public=f"127.0.0.1:{other}", admin=f"127.0.0.1:{number}"))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", other), 5.0)


def test_a_name_is_every_address_that_it_stands_for() -> None:
    ports = bind_ports(listen(public="localhost:0"))
    addresses = {each.getsockname()[0] for each in ports.public}
    assert "127.0.0.1" in addresses
    assert addresses <= {"127.0.0.1", "::1"}
    ports.close()


async def handshake(port: int, authority: trustme.CA, name: str | None = "gateway.test") -> tuple[bytes, str | None]:
    """Return the certificate of a handshake, and the protocol that was chosen."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.check_hostname = False
    context.set_alpn_protocols(["h2", "http/1.1"])
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name or "")
    tls = writer.get_extra_info("ssl_object")
    writer.close()
    return tls.getpeercert(binary_form=True), tls.selected_alpn_protocol()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gateway.test", None])
async def test_a_new_certificate_is_shown_from_the_next_handshake_on(tmp_path: Path, name: str | None) -> None:
    authority = trustme.CA()
    # another kind of key: OpenSSL would go on showing the old one beside it
    old = issued(authority, tmp_path / "old", key_type=trustme.KeyType.RSA)
    new = issued(authority, tmp_path / "new", key_type=trustme.KeyType.ECDSA)
    certificate = Certificate(load_certificate(old))
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=certificate.context)
    port = server.sockets[0].getsockname()[1]
    first = await handshake(port, authority, name)
    certificate.use(load_certificate(new))
    second = await handshake(port, authority, name)
    certificate.use(load_certificate(old))
    assert first != second
    assert await handshake(port, authority, name) == first
    assert first[1] == second[1] == "http/1.1"
    server.close()
    await server.wait_closed()


def test_no_connection_may_renegotiate(tmp_path: Path) -> None:
    context = load_certificate(issued(trustme.CA(), tmp_path))
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_pair_that_cannot_be_used_is_refused_with_its_files(tmp_path: Path) -> None:
    one, other = issued(trustme.CA(), tmp_path / "one"), issued(trustme.CA(), tmp_path / "other")
    for pair in (
        TlsSettings(cert_file=one.cert_file, key_file=other.key_file),
        TlsSettings(cert_file=one.key_file, key_file=one.key_file),
        TlsSettings(cert_file=tmp_path / "absent.pem", key_file=one.key_file),
    ):
        with pytest.raises(GatewayError, match=f"^listen.tls: {pair.cert_file} and {pair.key_file} cannot be used: "):
            load_certificate(pair)


def test_a_key_with_a_password_is_refused_without_a_prompt(tmp_path: Path) -> None:
    pair = issued(trustme.CA(), tmp_path, password=b"hunter2")
    with pytest.raises(GatewayError, match="cannot be used"):
        load_certificate(pair)
