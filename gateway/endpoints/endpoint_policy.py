"""What the config says of an endpoint that answers in a product's words, and how each such endpoint keeps to it."""

from __future__ import annotations

import msgspec

from gateway.credentials.reader import Reader
from gateway.model.decision import AccessRequest, HeaderPairs, Response
from gateway.model.route import RateLimit
from gateway.policy.cross_origin import VARY_BY_ORIGIN, Cors
from gateway.policy.limits import Limits, RateLimiter

_NO_CONTENT = 204


class EndpointPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one such endpoint: its host names (empty: all), rate limit, CORS, development.

    `readers` are the only ones that it uses. `origins` are the foreign pages whose cookies may change something.
    """

    readers: tuple[Reader, ...] = ()
    hosts: frozenset[str] = frozenset()
    rate_limit: RateLimit | None = None
    cors: Cors | None = None
    origins: frozenset[str] = frozenset()
    development: bool = False

    @property
    def cookies(self) -> tuple[bytes, ...]:
        """The names of the cookies that the readers read."""
        return tuple(sorted(name for reader in self.readers for name in reader.cookies))

    def limiter(self, bucket: str, limits: Limits) -> RateLimiter | None:
        """Return what counts the endpoint's calls in buckets of that name."""
        return None if self.rate_limit is None else RateLimiter(bucket, self.rate_limit, limits)

    def options(self, access: AccessRequest, allow: tuple[bytes, bytes]) -> Response:
        """Answer OPTIONS with the allowed methods (RFC 9110 section 9.3.7), and a listed page with CORS."""
        fields = (self.cors.preflight(access) or VARY_BY_ORIGIN) if self.cors is not None else ()
        return Response(_NO_CONTENT, (allow, (b"Cache-Control", b"no-store"), *fields))

    def cross_origin(self, access: AccessRequest) -> HeaderPairs:
        """Return the fields of CORS that an answer has, if the endpoint has a CORS."""
        return () if self.cors is None else self.cors.fields(access)
