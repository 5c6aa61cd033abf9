import socket

import pytest

from gateway.config.settings import ListenSettings
from gateway.model.errors import GatewayError
from gateway.workers.sockets import bind_ports, port_of


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
