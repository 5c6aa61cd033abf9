"""One replica in a process of its own, commanded line by line on stdin; run as `python -m`.

Arguments: Redis URL, key prefix, port of the authority. The authority is asked over TCP: a line with the token,
answered with a line. Commands: `resolve TOKEN N` is answered with what N callers at once got; `watch TOKEN` with
the epoch time at which the token is first refused; `revoke USER` with the time of its acknowledgement.
"""

from __future__ import annotations

import asyncio
import sys

from gateway.authorities.chain import ChainAnswer
from gateway.model.answers import Reason, Rejected
from gateway.model.credential import Credential
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.redis.client import connect
from gateway.resilience.places import Caller
from tests.support.fakes.sessions import Gateway, SharedRedis, found, wall
from tests.support.servers.redis_server import PATIENCE


class RemoteAuthority:
    """Asks the test's own server, which counts."""

    memory_only = False

    def __init__(self, port: int) -> None:
        self._port = port

    async def look_up(self, credential: Credential, _caller: Caller) -> ChainAnswer:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(f"{credential.parts[0]}\n".encode())
        is_found = (await reader.readline()).strip() == b"found"
        writer.close()
        return ChainAnswer(found() if is_found else Rejected(Reason.UNKNOWN), "remote")


async def _command(gateway: Gateway, line: str) -> str:
    verb, _, rest = line.partition(" ")
    if verb == "resolve":
        token, callers = rest.split()
        asking = (gateway.resolver.resolve(gateway.credential(token)) for _ in range(int(callers)))
        answers = await asyncio.gather(*asking)
        return " ".join(sorted({f"{type(one.answer).__name__.lower()}" for one in answers}))
    if verb == "watch":
        while (await gateway.resolver.resolve(gateway.credential(rest))).session is not None:  # noqa: ASYNC110 - a client
            await asyncio.sleep(0.001)
        return str(wall())
    await gateway.revoker.revoke(RevocationTarget(RevocationKind.USER, rest))
    return str(wall())


async def main() -> None:
    url, prefix, port = sys.argv[1:]
    client = connect(url, PATIENCE)
    authority = RemoteAuthority(int(port))
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with Gateway(authority, wall, redis=SharedRedis(client, prefix, PATIENCE)) as gateway:  # type: ignore[arg-type]
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while line := (await lines.readline()).decode().strip():
            answer = await _command(gateway, line)
            sys.stdout.write(f"{answer}\n")
            sys.stdout.flush()
    await client.aclose()


if __name__ == "__main__":
    asyncio.run(main())
