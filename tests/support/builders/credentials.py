"""Readers and credentials for tests: a fingerprint that shows what it was made of, and one reader of every kind."""

from __future__ import annotations

from base64 import b64encode

from pydantic import TypeAdapter

from gateway.credentials.kinds import ReaderSettings, build_reader
from gateway.credentials.reader import Reader
from gateway.model.credential import Credential, CredentialKind

_SETTINGS: TypeAdapter[ReaderSettings] = TypeAdapter(ReaderSettings)


def fingerprint(parts: tuple[str, ...]) -> bytes:
    return repr(parts).encode()


def reader_settings(**settings: object) -> ReaderSettings:
    return _SETTINGS.validate_python({"authority": "accounts", **settings})


def reader(name: str, /, **settings: object) -> Reader:
    return build_reader(name, reader_settings(**settings), fingerprint)


def api_key_reader(name: str = "project_key", header: str = "X-Api-Key") -> Reader:
    return reader(name, kind="api_key", header=header, type="project")


def header_jwt_reader(*, trusted: bool = True) -> Reader:
    settings = reader_settings(kind="header_jwt", header="Cf-Access-Jwt-Assertion")
    return build_reader("edge", settings, fingerprint, lambda _peer: trusted)


def query_reader(**more: object) -> Reader:
    return reader("url", kind="query", parameter="access_token", **more)


def websocket_protocol_reader(**more: object) -> Reader:
    return reader("socket", kind="websocket_protocol", **{"begins": "bearer.", **more})


def basic_reader() -> Reader:
    return reader("git", kind="basic", type="project")


def shown_in_basic(key: bytes, user: bytes = b"git") -> tuple[bytes, bytes]:
    return b"Authorization", b"Basic " + b64encode(user + b":" + key)


def bearer_reader() -> Reader:
    return reader("token", kind="bearer")


def cookie_reader(cookie: str = "__session") -> Reader:
    return reader("cookie", kind="cookie", name=cookie)


def pair_reader(session_header: str | None = None) -> Reader:
    return reader(
        "pair",
        kind="token_pair",
        user_header="X-User-Id",
        token_header="X-Auth-Token",
        session_header=session_header,
    )


def credential(kind: CredentialKind = CredentialKind.COOKIE) -> Credential:
    return Credential("reader", kind, "", ("secret",), b"fingerprint")
