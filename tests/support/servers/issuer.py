"""An issuer of tokens for tests: keys, signing by hand (wrongly too), and a counted JWKS address."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt as pyjwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER = "https://id.example.com"
RSA_KEY = rsa.generate_private_key(65537, 2048)
SHORT_RSA_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505 - a short key is the case
EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()


def jwk(key: Any, kid: str | None, **more: Any) -> dict[str, Any]:
    """Return the public key as a JWK."""
    maker = {rsa.RSAPrivateKey: RSAAlgorithm, ec.EllipticCurvePrivateKey: ECAlgorithm}
    algorithm = next((made for kind, made in maker.items() if isinstance(key, kind)), OKPAlgorithm)
    public = algorithm.to_jwk(key.public_key(), as_dict=True)
    return {**public, **({"kid": kid} if kid is not None else {}), **more}


def sign(claims: dict[str, Any], key: Any = EC_KEY, alg: str = "ES256", **header: Any) -> str:
    return pyjwt.encode(claims, key, algorithm=alg, headers={"kid": "k1", **header})


def forge(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    """Put a token together without a signing library's scruples."""
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def balancer_token(claims: dict[str, Any], key: Any = EC_KEY, **header: Any) -> str:
    """Return a token as Amazon's load balancer writes it: each part padded, and what tells of it in the header."""
    fields = {"typ": "JWT", "kid": "k1", "alg": "ES256", **header}
    parts = [base64.urlsafe_b64encode(json.dumps(each).encode()) for each in (fields, claims)]
    signed = b".".join(parts)
    signature = ECAlgorithm(ECAlgorithm.SHA256).sign(signed, key)
    return b".".join((signed, base64.urlsafe_b64encode(signature))).decode()


def public_pem(key: Any) -> bytes:
    pem: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


class Jwks:
    """The address of a key set that can rotate and break, and counts how often it was asked."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.keys = list(keys)
        self.status = 200
        self.fetches = 0

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        self.fetches += 1
        return web.json_response({"keys": self.keys}, status=self.status)


class Clock:
    """Epoch seconds that a test moves."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
