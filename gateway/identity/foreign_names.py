"""The identity headers of other proxies and platforms.

An application that was made for one of them trusts these, whoever sends them: behind a gateway that removes only its
own names, a client could be anybody (Traefik CVE-2024-45410, and every "trusted header" sign-in that was reached past
its proxy). So a client's are removed although they are not ours. Credentials of clients, and names that some
application uses for something else (`X-User`, `X-Access-Token`), are not listed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.model.headers import spelling

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMES = frozenset(
    {
        # REMOTE_USER of CGI (RFC 3875 section 4.1.11), Authelia, and what Kubernetes calls an authenticating proxy
        b"remote-user",
        b"remote-name",
        b"remote-email",
        b"remote-groups",
        b"x-remote-user",
        b"x-remote-name",
        b"x-remote-email",
        b"x-remote-group",
        b"x-remote-groups",
        b"x-remote-uid",
        b"x-proxy-remote-user",  # Sonatype Nexus
        b"x-webobjects-remote-user",
        # Kong
        b"x-consumer-id",
        b"x-consumer-custom-id",
        b"x-consumer-username",
        b"x-consumer-groups",
        b"x-credential-identifier",
        b"x-credential-username",
        b"x-anonymous-consumer",
        # Google's API gateways
        b"x-apigateway-api-userinfo",
        b"x-endpoint-api-userinfo",
        b"x-goog-iap-jwt-assertion",
        b"x-userinfo",  # Apache APISIX
        b"x-jwt-assertion",  # WSO2
        b"teleport-jwt-assertion",
        # Cloudflare Access; its `CF-Access-Client-*` are credentials of clients
        b"cf-access-authenticated-user-email",
        b"cf-access-jwt-assertion",
        # Pomerium; its `X-Pomerium-Authorization` likewise
        b"x-pomerium-jwt-assertion",
        # SiteMinder, WebSEAL, Oracle Access Manager, CAS
        b"sm-user",
        b"sm-userdn",
        b"sm-universalid",
        b"iv-user",
        b"iv-user-l",
        b"iv-groups",
        b"iv-creds",
        b"oam-remote-user",
        b"oam-remote-user-groups",
        b"cas-user",
        # client certificates: RFC 9440, and the names before it (`X-Forwarded-Client-Cert` is removed as one of the
        # forwarded headers)
        b"client-cert",
        b"client-cert-chain",
        b"x-arr-clientcert",
        b"x-client-cert",
        b"x-client-dn",
        b"x-client-verify",
        b"x-ssl-cert",
    }
)

_PREFIXES = (
    b"x-remote-extra-",  # Kubernetes
    b"x-auth-request-",  # oauth2-proxy
    b"x-authenticated-",  # Kong, and many that stand behind nginx
    b"x-authentik-",
    b"x-webauth-",  # Grafana
    b"x-vouch-",
    b"x-pomerium-claim-",
    b"x-goog-authenticated-user-",  # Google's IAP
    b"x-appengine-",
    b"x-amzn-oidc-",  # load balancers of AWS
    b"x-amzn-mtls-",
    b"x-ms-client-principal",  # Azure's App Service
    b"x-ms-token-",
    b"tailscale-user-",
    b"oidc-",  # mod_auth_openidc: OIDC_CLAIM_sub
    b"mellon-",
    b"shib-",
    b"ssl-client-",
    b"x-ssl-client-",
)


class ForeignNames:
    """The identity headers of other products, except those in `allowed`, which clients may send."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = {spelling(name.encode("ascii")) for name in allowed}

    def include(self, canonical: bytes) -> bool:
        """Tell whether a name, folded by `gateway.model.headers.spelling`, is one of them."""
        return (canonical in _NAMES or canonical.startswith(_PREFIXES)) and canonical not in self._allowed
