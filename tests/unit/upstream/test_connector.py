from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from gateway.http1.faults import ExchangeError, Fault
from gateway.model.route import UpstreamAddress
from gateway.resilience.tasks import TaskKeeper
from gateway.upstream.connector import Connector
from gateway.upstream.name_resolution import ResolvedAddresses
from tests.support.servers.recording_upstream import recording_upstream


def connector(address: UpstreamAddress, tls: ssl.SSLContext | None = None) -> Connector:
    return Connector(address, ResolvedAddresses(address.host, address.port, 1.0, TaskKeeper()), 1000, tls)


async def test_a_connection_stands_when_it_is_returned(tmp_path: Path) -> None:
    async with recording_upstream() as upstream, recording_upstream(path=tmp_path / "s") as beside:
        for arrived, address in (
            (upstream.arrived, UpstreamAddress("http", "127.0.0.1", upstream.port)),
            (beside.arrived, UpstreamAddress("unix", f"{tmp_path}/s", 0)),
        ):
            connection = await connector(address).connect()
            connection.write(b"GET / HTTP/1.1\r\n\r\n")
            await arrived.wait()


async def test_what_does_not_stand_is_a_fault_that_names_the_upstream(tmp_path: Path) -> None:
    foreign = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(foreign)
    async with recording_upstream(ssl=foreign) as upstream:
        address = UpstreamAddress("https", "127.0.0.1", upstream.port)
        with pytest.raises(ExchangeError, match=str(address)) as unverified:
            await connector(address, ssl.create_default_context()).connect()
    assert unverified.value.fault is Fault.TLS
    for gone in (UpstreamAddress("http", "127.0.0.1", address.port), UpstreamAddress("unix", f"{tmp_path}/nobody", 0)):
        with pytest.raises(ExchangeError, match=str(gone)) as refused:
            await connector(gone).connect()
        assert refused.value.fault is Fault.CONNECT
