"""Which header fields belong to one connection, to the gateway, or to the message itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"http2-settings",  # RFC 7540 section 3.2.1: only ever beside an upgrade to h2c
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""RFC 9110 section 7.6.1, and `Trailer`, since trailers are not carried."""

TOLD_BY_US = frozenset(
    {
        b"traceparent",
        b"tracestate",
        b"x-request-id",
        # which address the caller has
        b"forwarded",
        b"x-forwarded",
        b"x-real-ip",
        b"ali-cdn-real-ip",
        b"cdn-src-ip",
        b"cf-connecting-ip",
        b"cf-connecting-ipv6",
        b"cf-pseudo-ipv4",
        b"client-ip",
        b"cloudfront-viewer-address",
        b"do-connecting-ip",
        b"fastly-client-ip",
        b"fly-client-ip",
        b"forwarded-for",
        b"forwarded-for-ip",
        b"incap-client-ip",
        b"proxy-client-ip",
        b"remote-addr",
        b"true-client-ip",
        b"x-azure-clientip",
        b"x-azure-socketip",
        b"x-client-ip",
        b"x-cluster-client-ip",
        b"x-nf-client-connection-ip",
        b"x-originating-ip",
        b"x-proxyuser-ip",
        b"x-remote-addr",
        b"x-remote-ip",
        b"x-sucuri-clientip",
        b"x-true-client-ip",
        b"x-vercel-forwarded-for",
        b"x-vercel-proxied-for",
        # which scheme, host, path and method it asked for: judged were those of the request line and of Host
        b"cf-visitor",
        b"cloudfront-forwarded-proto",
        b"front-end-https",
        b"path-info",
        b"request-uri",
        b"script-name",
        b"x-arr-ssl",
        b"x-host",
        b"x-http-host-override",
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
        b"x-ms-original-url",
        b"x-path-info",
        b"x-replaced-path",
        b"x-request-uri",
        b"x-rewrite-uri",
        b"x-rewrite-url",
        b"x-scheme",
        b"x-script-name",
        b"x-url-scheme",
        b"x-waws-unencoded-url",
        b"x-matched-path",  # Next.js behind its platform's router
        b"x-sendfile-type",  # which files of the upstream the proxy in front may serve by itself (Rack CVE-2025-61780)
    }
)
"""gunicorn takes `SCRIPT_NAME` from any peer on loopback, and so from a sidecar: `/public/admin` with `SCRIPT_NAME:
/public` was judged as it stands, and served as `/admin`."""

TOLD_BY_US_FAMILIES: Mapping[bytes, tuple[bytes, ...]] = MappingProxyType(
    {
        b"x-forwarded-": (
            *(b"for", b"host", b"port", b"proto", b"protocol", b"scheme", b"server", b"ssl", b"by", b"authority"),
            *(b"method", b"uri", b"url", b"path", b"prefix", b"context", b"http-version"),
            *(b"access-token", b"email", b"groups", b"login", b"name", b"preferred-username", b"roles", b"user"),
            *(b"client-cert", b"client-cert-chain", b"tls-client-cert", b"tls-client-cert-info", b"uuid"),
        ),
        b"x-original-": (
            *(b"for", b"forwarded-for", b"forwarded-host", b"forwarded-proto", b"host", b"method"),
            *(b"path", b"proto", b"remote-addr", b"uri", b"url"),
        ),
        b"x-envoy-": (
            *(b"attempt-count", b"auth-partial-body", b"decorator-operation", b"downstream-service-cluster"),
            *(b"downstream-service-node", b"expected-rq-timeout-ms", b"external-address", b"force-trace"),
            *(b"hedge-on-per-try-timeout", b"internal", b"ip-tags", b"max-retries", b"original-dst-host"),
            *(b"original-host", b"original-method", b"original-path", b"peer-metadata", b"peer-metadata-id"),
            *(b"retriable-header-names", b"retriable-status-codes", b"retry-grpc-on", b"retry-on"),
            *(b"upstream-alt-stat-name", b"upstream-rq-per-try-timeout-ms", b"upstream-rq-timeout-alt-response"),
            *(b"upstream-rq-timeout-ms", b"upstream-stream-duration-ms"),
        ),
        b"x-proxyhost": (b"",),  # NiFi, in front of X-Forwarded-*; the port, scheme and path beside it
        b"x-proxyport": (b"",),
        b"x-proxyscheme": (b"",),
        b"x-proxycontextpath": (b"",),
        b"wl-proxy-": (b"client-cert", b"client-ip", b"ssl"),  # WebLogic's plug-in, who is calling included
        b"-ws": (),  # WebSphere's: $WSRU is the user, $WSRA the address
        # what Next.js says to itself (CVE-2025-29927); the second in earlier versions
        b"x-middleware-": (b"invoke", b"next", b"prefetch", b"rewrite", b"subrequest"),
        b"x-invoke-": (b"output", b"path", b"query", b"status"),
        b"x-accel-": (b"mapping", b"redirect", b"buffering"),  # Rack CVE-2025-61780
        b"fly-forwarded-": (b"port", b"proto", b"ssl"),
        b"lambda-web-": (b"client-ip",),  # AWS Lambda's web functions
    }
)
"""Prefix -> documented endings, as in `gateway.identity.foreign_table`."""

_TOLD_BY_US_PREFIXES = tuple(TOLD_BY_US_FAMILIES)

LISTED_TOLD_BY_US = TOLD_BY_US | {prefix + end for prefix, ends in TOLD_BY_US_FAMILIES.items() for end in ends}
"""Those that are known by their whole name."""

MESSAGE = frozenset({b"host", b"content-length"})
"""Fields that say where a message goes and ends; a `Connection` field that names them is not obeyed."""


def is_told_by_us(canonical: bytes) -> bool:
    """Tell whether an upstream believes this field to be a proxy's word (docs/THREATS.md section 3).

    Whatever a client sends under such a name is dropped; the gateway says again what it believes itself.
    """
    return canonical in TOLD_BY_US or canonical.startswith(_TOLD_BY_US_PREFIXES)


def named_by_connection(values: Sequence[bytes]) -> frozenset[bytes]:
    """Return the fields that a message's `Connection` values name, in lower case (RFC 9110 section 7.6.1).

    Never a field of MESSAGE: `Connection: content-length` would let a client choose another end of its own body.
    """
    named = {token.strip(b" \t").lower() for value in values for token in value.split(b",")}
    return frozenset(named - MESSAGE - _CONNECTION_OPTIONS)


_CONNECTION_OPTIONS = frozenset({b"", b"close", b"keep-alive", b"upgrade"})
