"""Tokens of Amazon's Application Load Balancer (`X-Amzn-Oidc-Data`): JWTs in all but two points.

Each part is padded base64url, against RFC 7515 section 2; and issuer, client and expiry stand in the header, which is
signed as well, and not among the claims (Elastic Load Balancing, "Authenticate users using an ALB").
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from gateway.authorities.parsed_token import ParsedToken
from gateway.dialects.claims import Claims
from gateway.model.errors import UNDECODABLE

_PARTS = 3
_OF_THE_HEADER = {"iss": "iss", "exp": "exp", "client": "aud"}
"""What the header says of the token, and the claim that says it in any other; the payload is the issuer's UserInfo."""


def parse_balancer_token(token: str, most_bytes: int) -> ParsedToken | None:
    """Decode a token of at most so many bytes; `None` for what is none, or is spelled in another way than the one."""
    parts = token.split(".")
    if len(token) > most_bytes or len(parts) != _PARTS:
        return None
    header, payload, signature = map(_decoded, parts)
    if header is None or payload is None or not signature:
        return None
    try:
        fields = msgspec.json.decode(header, type=dict[str, Any])
        claims = msgspec.json.decode(payload, type=Claims)
    except UNDECODABLE:
        return None
    header_claims = {claim: fields.get(name) for name, claim in _OF_THE_HEADER.items()}
    return ParsedToken(fields, {**claims, **header_claims}, token.rpartition(".")[0].encode("ascii"), signature)


def _decoded(part: str) -> bytes | None:
    """Return a part's bytes; `None` unless it is their one spelling, with its padding."""
    try:
        decoded = base64.urlsafe_b64decode(part)
    except (binascii.Error, ValueError):
        return None
    return decoded if base64.urlsafe_b64encode(decoded).decode("ascii") == part else None
