import asyncio
import socket

from gateway.config.settings import Settings
from gateway.http1.block_memory import SharedBlocks
from gateway.resilience.tasks import TaskKeeper
from gateway.wiring.active_generation import ActiveGeneration
from gateway.workers.grpc_port import GrpcPort
from tests.support.clients.raw_http2 import raw_http2

SETTINGS = Settings.model_validate(
    {"secret": "0123456789abcdef0123456789abcdef", "ext_authz": {"peers": ["127.0.0.1"]}}
)


async def test_without_a_socket_there_is_nothing_to_serve() -> None:
    port = GrpcPort((), ActiveGeneration(TaskKeeper()))
    await port.apply(SETTINGS, SharedBlocks(0))
    port.drain()
    port.stop_accepting()
    port.cut()
    await port.close(0.0)


async def test_it_listens_until_it_is_to_stop_and_closes_what_rests() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)  # noqa: FBT003 - the standard library's signature
        port = GrpcPort((listening,), ActiveGeneration(TaskKeeper()))
        await port.apply(SETTINGS, SharedBlocks(0))
        await port.apply(SETTINGS, SharedBlocks(0))
        number = listening.getsockname()[1]
        async with raw_http2(number) as client:
            assert await client.frame() is not None
            port.drain()
            port.stop_accepting()
            closing = asyncio.gather(port.close(10.0), client.until_closed())
            assert (await closing)[1] == 0
        assert listening.fileno() == -1
