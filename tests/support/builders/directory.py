"""A directory for tests: the demo's records in a file of its own, and the parts that ask it."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from gateway.authorities.directory_authority import DirectoryAuthority, Recognition
from gateway.directory.hashing import Peppers
from gateway.directory.loading import LoadedRecords, load_records
from gateway.directory.migrating import migrate
from gateway.directory.operations.context import OperationContext
from gateway.directory.session_tokens import SessionTokens
from gateway.directory.store import Directory
from gateway.model.credential import Credential, CredentialKind
from gateway.model.session import RevocationTarget
from gateway.signing import KeyRing
from gateway.telemetry.audit import Actor
from tests.support.fakes.audited import Audited
from tests.support.repository import ROOT

DEMO_RECORDS = ROOT / "gateway/demo/records.yaml"
NOW = 1_800_000_000.0
NOON = datetime.fromtimestamp(NOW, UTC)
ISSUER = "https://gateway.example.com"
PEPPERS = Peppers([b"a pepper for tests"])
KEY_RING = KeyRing.generate()

PROJECT_KEY = "sk_live_abc123xyz456"
USER_KEY = "uk_live_abc123xyz456"
ORGANIZATION_KEY = "ok_live_abc123xyz456"
MEMBER_KEY = "sk_live_def456uvw789"
WACHT_SESSION = "session_987654321"
MEMGHOST_SESSION = "123e4567-e89b-12d3-a456-426614174000"
CHAT_USER = "rbAXPnMktTFbNpwtJ"
CHAT_TOKEN = "1Dd4iN_ClKn5jl-xPC36snQ4s9Zd5GZnXCQuCNSKcVE"
CHAT_SESSION = "rBk3bZ8vJ2sQeT5wX"
CLOSED_CHAT_SESSION = "QoYYFw2t9oKks2niG"

COMMAND = Actor("command")

_FILES: dict[bool, bytes] = {}


class Changes(list[RevocationTarget]):
    """Keeps what a change told of, and what of it is never valid again."""

    def __init__(self) -> None:
        self.ended: set[RevocationTarget] = set()

    async def __call__(self, target: RevocationTarget, *, ended: bool = False) -> None:
        self.append(target)
        if ended:
            self.ended.add(target)


def context_of(
    directory: Directory,
    changes: Changes | None = None,
    audited: Audited | None = None,
    actor: Actor = COMMAND,
) -> OperationContext:
    """What operations are given at `NOW`."""
    return OperationContext(
        directory=directory,
        now=datetime.fromtimestamp(NOW, UTC),
        actor=actor,
        on_change=changes if changes is not None else Changes(),
        audit=(audited or Audited()).log,
        peppers=PEPPERS,
        tokens=session_tokens(),
    )


def clock() -> float:
    return NOW


def session_tokens(key_ring: KeyRing = KEY_RING, issuer: str = ISSUER, audience: str = "gateway") -> SessionTokens:
    return SessionTokens(key_ring, issuer, audience, clock)


@asynccontextmanager
async def opened(url: str, *, demo: bool = True) -> AsyncIterator[Directory]:
    """A migrated directory, by default with the demo's records."""
    path = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite:///") and not path.exists():
        path.write_bytes(await _made(demo=demo))
    else:
        await _make(url, demo=demo)
    directory = Directory.open(url)
    try:
        yield directory
    finally:
        await directory.close()


async def _make(url: str, *, demo: bool) -> None:
    await migrate(url)
    if demo:
        directory = Directory.open(url)
        await load_records(directory, PEPPERS, DEMO_RECORDS, Changes())
        await directory.close()


async def _made(*, demo: bool) -> bytes:
    """Return a SQLite file that is made once: hundreds of tests want one, and to copy it takes no time."""
    if demo not in _FILES:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "directory.db"
            await _make(f"sqlite:///{path}", demo=demo)
            _FILES[demo] = path.read_bytes()
    return _FILES[demo]


async def load_text(
    directory: Directory, folder: Path, text: str, changes: Changes | None = None, peppers: Peppers = PEPPERS
) -> LoadedRecords:
    path = folder / "records.yaml"
    path.write_text(text)
    return await load_records(directory, peppers, path, changes if changes is not None else Changes())


def authority_of(directory: Directory, peppers: Peppers = PEPPERS) -> DirectoryAuthority:
    return DirectoryAuthority("accounts", directory, Recognition(peppers, session_tokens()), clock)


def key_credential(key: str, key_type: str = "project") -> Credential:
    return Credential("key", CredentialKind.API_KEY, key_type, (key,), b"fingerprint")


def credential_of(kind: CredentialKind, *parts: str) -> Credential:
    return Credential(kind.value, kind, "", parts, b"fingerprint")
