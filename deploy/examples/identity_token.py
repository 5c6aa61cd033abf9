"""How a service checks the gateway's X-Identity-Token: copy this, and install `PyJWT[crypto]`.

    check = IdentityTokens("https://gateway.example.com", audience="orders")
    caller = check(request.headers["X-Identity-Token"])     # {"sub": "user_1", "roles": ["admin"], ...}

The audience is the route's `audience` in the gateway's config. Whatever is wrong raises jwt.PyJWTError: answer 401.
"""

import jwt


class IdentityTokens:
    """Checks tokens of one gateway for one service; keys are fetched once and again for a key that is new."""

    def __init__(self, issuer: str, audience: str, jwks_url: str | None = None) -> None:
        self._keys = jwt.PyJWKClient(jwks_url or f"{issuer}/.well-known/jwks.json", lifespan=300, timeout=2)
        self._issuer, self._audience = issuer, audience

    def __call__(self, token: str) -> dict[str, object]:
        """Return what the token says of the caller."""
        parts = jwt.decode_complete(
            token,
            self._keys.get_signing_key_from_jwt(token),
            ["ES256", "EdDSA"],
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            issuer=self._issuer,
            audience=self._audience,
        )
        if parts["header"].get("typ") != "identity+jwt":  # an access token of the same gateway is no identity
            raise jwt.InvalidTokenError("not an identity token")
        return dict(parts["payload"])
