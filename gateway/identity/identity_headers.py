"""The headers that tell the upstream who is calling.

Printable ASCII stays as it is, and everything else is percent-encoded UTF-8 (RFC 3986 section 2.1): `Zoë` is
`Zo%C3%AB`. `%` itself is encoded, so that any URL library decodes every value to exactly what the directory holds, and
no two values are encoded alike. Spaces at either end are encoded too, since parsers trim them, and so is a comma within
one role of the list.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from gateway.identity.header_names import CLAIM, DEFAULT_NAMES, FIELDS
from gateway.model.headers import spelling
from gateway.model.memo import AdmissionMemo
from gateway.model.person import organization_role_of, person_of, roles_of
from gateway.model.refusal import Refusal, RefusalCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.model.credential import CredentialKind
    from gateway.model.decision import HeaderPairs
    from gateway.model.session import Session

_ENCODED = re.compile(rb"[^ -$&-~]|^ | \Z")  # `%`, and all but printable ASCII; a space that a parser would trim
_CACHED_LISTS = 1024
"""Lists of roles whose encoding is cached: there are few lists, and many sessions share them."""

_REMEMBERED = 1024
"""Callers whose headers are remembered as forward-auth has them."""

_DEFAULT_TOKEN = "X-Identity-Token"  # noqa: S105 - the name of a header, not a secret


class IdentityHeaders:
    """Composes the identity headers of one config.

    `names` maps each field, and each `claims.PATH`, to its header. `token_name` is the header of the signed identity
    token, which is composed elsewhere but protected here. `value_bytes` bounds each value. `names` are those of all
    identity headers in lower case, `spellings` the same folded (`gateway.model.headers.spelling`): a client's header
    with one of them is removed before ours are set, and also where we set none (oauth2-proxy CVE-2025-64484).
    """

    def __init__(
        self,
        names: Mapping[str, str] = DEFAULT_NAMES,
        *,
        token_name: str = _DEFAULT_TOKEN,
        value_bytes: int = 4096,
    ) -> None:
        self._names = tuple(names[field].encode("ascii") if field in names else b"" for field in FIELDS)
        claims = {field.removeprefix(CLAIM): name for field, name in names.items() if field.startswith(CLAIM)}
        self._claims = tuple((claim, name.encode("ascii")) for claim, name in claims.items())
        self._every = tuple(name for name in (*self._names, *(name for _, name in self._claims)) if name)
        self._token_name = token_name.encode("ascii")
        self._value_bytes = value_bytes
        self._completed: AdmissionMemo[int, tuple[HeaderPairs, HeaderPairs]] = AdmissionMemo(_REMEMBERED)
        self.names = frozenset(name.lower() for name in (*self._every, self._token_name))
        self.spellings = frozenset(map(spelling, self.names))

    def compose(self, session: Session, kind: CredentialKind) -> HeaderPairs | Refusal:
        """Return a header for each field that this session has.

        A value that is too long is refused with 500, because the record is wrong and not the request. Cut off, it could
        be another caller's value.
        """
        pairs = []
        fields = zip(self._names, _values(session, kind), strict=True)
        claims = ((name, session.claims.get(claim)) for claim, name in self._claims)
        for name, value in (*fields, *claims):
            if not (name and value):
                continue
            encoded = encode_value(value) if isinstance(value, str) else encode_list(value)
            if len(encoded) > self._value_bytes:
                return Refusal(RefusalCode.INTERNAL, f"identity header {name.decode('ascii')} is too long")
            if encoded:
                pairs.append((name, encoded))
        return tuple(pairs)

    def compose_every(self, composed: HeaderPairs) -> HeaderPairs:
        """Return the `composed` headers, and every other identity header with an empty value.

        For forward-auth: proxies copy only headers that are present, and a client's forged header must not survive
        where we have no value (Traefik CVE-2024-45410).
        """
        known = self._completed.get(id(composed))
        if known is not None and known[0] is composed:
            return known[1]
        names = {name for name, _ in composed}
        absent = (name for name in (*self._every, self._token_name) if name not in names)
        every = (*composed, *((name, b"") for name in absent))
        self._completed.put(id(composed), (composed, every), composed)
        return every


def encode_value(value: str) -> bytes:
    """Return `value` encoded for a header; percent-decoding reverses it, so no two values are encoded alike."""
    if value.isascii() and value.isprintable() and "%" not in value and value.strip(" ") == value:
        return value.encode()  # nearly every value, and many times faster than the pattern
    # surrogatepass: JSON can hold half a surrogate pair, which must not raise here.
    return _ENCODED.sub(lambda match: b"%%%02X" % match[0][0], value.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=_CACHED_LISTS)
def encode_list(values: tuple[str, ...]) -> bytes:
    """Return `values` separated by commas; split at the commas and percent-decode each to get them back.

    A comma within a value is encoded too, or one role would become two. Empty values are left out.
    """
    return b",".join([encode_value(value).replace(b",", b"%2C") for value in values if value])


def _values(session: Session, kind: CredentialKind) -> tuple[str | tuple[str, ...] | None, ...]:
    """Return the value of each of FIELDS, in their order; roles are a list."""
    person = person_of(session, kind)
    organization = session.organization
    workspace, project, api_key = session.workspace, session.project, session.api_key
    return (
        session.id,
        person.id,
        person.email,
        person.name,
        roles_of(session),
        organization.id if organization is not None else None,
        organization.name if organization is not None else None,
        organization_role_of(session),
        workspace.id if workspace is not None else None,
        project.nano_id if project is not None else None,
        api_key.id if api_key is not None else None,
        kind.value,
    )
