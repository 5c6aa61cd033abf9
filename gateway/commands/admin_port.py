"""A client of the admin port of the gateway that runs with a config."""

from __future__ import annotations

import errno

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout, DummyCookieJar, UnixConnector

from gateway.config.settings import ListenSettings
from gateway.source.addresses import ListenAddress, SocketFile

ADMIN_SECONDS = 10.0
"""For one call: a person waits for it."""

_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is compared, nothing listens


def admin_client(listen: ListenSettings) -> ClientSession:
    """Return a client whose URLs are paths of `listen.admin`; to be made on the running loop, and closed."""
    timeout, jar = ClientTimeout(total=ADMIN_SECONDS), DummyCookieJar()
    if isinstance(listen.admin, SocketFile):
        connector = UnixConnector(listen.admin.path)
        return ClientSession("http://localhost", connector=connector, timeout=timeout, cookie_jar=jar)
    host = _LOOPBACK.get(listen.admin.host, listen.admin.host)
    return ClientSession(f"http://{ListenAddress(host, listen.admin.port)}", timeout=timeout, cookie_jar=jar)


async def is_serving(listen: ListenSettings) -> bool:
    """Tell whether a gateway may run at `listen.admin`: False only where a connection is refused outright."""
    try:
        async with admin_client(listen) as client, client.get("/healthz"):
            return True
    except ClientConnectorError as fault:
        return fault.os_error.errno not in {errno.ECONNREFUSED, errno.ENOENT}
    except (TimeoutError, ClientError, OSError):
        return True
