"""A decision in words, as `gateway explain` prints it and the API answers it."""

from __future__ import annotations

import msgspec


class ExplainedCredential(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the request shows, and whose it is. `fingerprint` is its beginning, `age` in seconds."""

    kind: str
    reader: str
    fingerprint: str
    tier: str
    authority: str | None = None
    age: float = 0.0
    stale: bool = False
    session: str | None = None
    subject: str | None = None


class Explanation(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A decision in words. `answered_by` names the gateway's own endpoint, where it answers itself.

    `upstream`, `target` and `headers` are of the request that an upstream would get; secrets are masked. Where
    upstreams differ in base paths, `target` lists what each gets. `put_right` is what is changed in the answer.
    """

    allowed: bool
    answered_by: str | None = None
    route: str | None = None
    access: str | None = None
    credential: ExplainedCredential | None = None
    status: int | None = None
    code: str | None = None
    rule: str | None = None
    detail: str | None = None
    upstream: tuple[str, ...] = ()
    method: str | None = None
    target: str | None = None
    put_right: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


class ExplainRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request to explain: `url` is absolute or a path alone, `headers` are names and values."""

    method: str = "GET"
    url: str
    headers: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        """Show no header: they may be credentials."""
        return f"ExplainRequest({self.method})"
