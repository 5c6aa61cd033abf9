"""A JWT in compact form (RFC 7519 section 7.2), decoded and not verified yet."""

from __future__ import annotations

from typing import Any

import jwt
import msgspec
from jwt.api_jws import PyJWS

from gateway.dialects.claims import Claims
from gateway.model.errors import UNDECODABLE
from gateway.signing import is_spelled_once

_jws = PyJWS()  # it decodes, and verifies nothing


class ParsedToken(msgspec.Struct, frozen=True):
    """A decoded token whose signature was not checked yet."""

    header: dict[str, Any]
    claims: Claims
    signed: bytes
    signature: bytes

    def is_signed_by(self, key: jwt.PyJWK) -> bool:
        """Verify the signature by the algorithm that the key is bound to, whatever the header says."""
        return key.Algorithm.verify(self.signed, key.key, self.signature)


def parse_token(token: str, most_bytes: int) -> ParsedToken | None:
    """Decode a token of at most so many bytes; `None` for what is none, or is spelled in another way than the one."""
    if len(token) > most_bytes or not token.isascii():
        return None
    try:
        parts = _jws.decode_complete(token, options={"verify_signature": False})
        claims = msgspec.json.decode(parts["payload"], type=Claims)
    except (jwt.PyJWTError, *UNDECODABLE):
        return None
    if not is_spelled_once(token, parts["signature"]):
        return None
    return ParsedToken(parts["header"], claims, token.rpartition(".")[0].encode("ascii"), parts["signature"])
