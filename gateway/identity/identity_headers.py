"""What the upstream is told about the caller, in headers that it may trust (DESIGN section 7).

Values are printable ASCII as they are, and everything else percent-encoded UTF-8 (RFC 3986 section 2.1): `Zoë` is
`Zo%C3%AB`. `%` itself is encoded, so that a service may decode every value with any URL library and gets exactly what
the directory holds, and no two values ever look alike. Spaces at either end are encoded too, since a parser trims
them; and in the list of roles a comma within a role.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from gateway.identity.header_names import DEFAULT_NAMES, FIELDS, Field
from gateway.model.headers import spelling
from gateway.model.person import person_of, roles_of
from gateway.model.refusal import Refusal, RefusalCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.model.credential import CredentialKind
    from gateway.model.decision import HeaderPairs
    from gateway.model.session import Session

_ENCODED = re.compile(rb"[^ -$&-~]|^ | \Z")  # `%`, and all but printable ASCII; a space that a parser would trim
_REMEMBERED = 1024
"""Lists of roles whose encoding is remembered: there are few, and many have them."""

_DEFAULT_TOKEN = "X-Identity-Token"  # noqa: S105 - the name of a header, not a secret


class IdentityHeaders:
    """Composes the identity headers of one config.

    `names` say which fields are told under which header names. `token_name` is the header of the signed identity
    token, which is composed elsewhere and guarded here. `value_bytes` bounds each value. `spellings` are the folded
    spellings (`gateway.model.headers.spelling`) of every identity header: whatever a client sends under one of them is
    removed first, set or not (oauth2-proxy CVE-2025-64484).
    """

    def __init__(
        self,
        names: Mapping[Field, str] = DEFAULT_NAMES,
        *,
        token_name: str = _DEFAULT_TOKEN,
        value_bytes: int = 4096,
    ) -> None:
        self._names = tuple(names[field].encode("ascii") if field in names else b"" for field in FIELDS)
        self._token_name = token_name.encode("ascii")
        self._value_bytes = value_bytes
        self._exact = frozenset(name.lower() for name in (*self._names, self._token_name) if name)
        self.spellings = frozenset(spelling(name) for name in self._exact)

    def compose(self, session: Session, kind: CredentialKind) -> HeaderPairs | Refusal:
        """Return the headers of what this session has; what it lacks is absent.

        A value that is too long is refused with 500, for nothing in the request is wrong and no other request of this
        caller would do better: somebody must mend the record. Cut off, it could be another caller's value.
        """
        pairs = []
        for name, value in zip(self._names, _values(session, kind), strict=True):
            if not (name and value):
                continue
            encoded = encode_value(value) if isinstance(value, str) else encode_list(value)
            if len(encoded) > self._value_bytes:
                return Refusal(RefusalCode.INTERNAL, f"identity header {name.decode('ascii')} is too long")
            if encoded:
                pairs.append((name, encoded))
        return tuple(pairs)

    def misspelt(self, names: Iterable[bytes]) -> bool:
        """Tell whether one of a client's field `names` is an identity header's in another spelling (`X_User_Id`).

        For forward-auth: the proxies there overwrite the spelling that we send, and carry every other past us to an
        application that may fold them (oauth2-proxy CVE-2025-64484).
        """
        return any(spelling(name) in self.spellings and name.lower() not in self._exact for name in names)

    def compose_every(self, composed: HeaderPairs) -> HeaderPairs:
        """Return what was `composed` and, empty, every other identity header, that of the signed token among them.

        For forward-auth: the proxies there copy only what is present, and a client's forged header must not survive
        because we had nothing to say (Traefik CVE-2024-45410).
        """
        told = {name for name, _ in composed}
        unknown = (name for name in (*self._names, self._token_name) if name and name not in told)
        return (*composed, *((name, b"") for name in unknown))


def encode_value(value: str) -> bytes:
    """Return `value` as a header may carry it; reversed by percent-decoding. No two values are encoded alike."""
    if value.isascii() and value.isprintable() and "%" not in value and value.strip(" ") == value:
        return value.encode()  # nearly every value there is, and many times faster than a pattern
    # surrogatepass: half a surrogate pair, as JSON can hold it, is a strange value and not a fault of ours.
    return _ENCODED.sub(lambda found: b"%%%02X" % found[0][0], value.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=_REMEMBERED)
def encode_list(values: tuple[str, ...]) -> bytes:
    """Return `values` separated by commas; split at the commas and percent-decode each to get them back.

    A comma within a value is encoded too: it would make two roles of one. Empty values are left out.
    """
    return b",".join([encode_value(value).replace(b",", b"%2C") for value in values if value])


def _values(session: Session, kind: CredentialKind) -> tuple[str | tuple[str, ...] | None, ...]:
    """Return the value of each of FIELDS, in their order; roles are a list."""
    person = person_of(session, kind)
    organization, member = session.organization, session.member
    workspace, project, api_key = session.workspace, session.project, session.api_key
    return (
        session.id,
        person.id,
        person.email,
        person.name,
        roles_of(session),
        organization.id if organization is not None else None,
        organization.name if organization is not None else None,
        member.role if member is not None else None,
        workspace.id if workspace is not None else None,
        project.nano_id if project is not None else None,
        api_key.id if api_key is not None else None,
        kind.value,
    )
