"""The names by which other products are told who is calling.

Lower case, with dashes; `gateway.identity.foreign_names` matches every other spelling. A family has a prefix because
its names have no end (one for each claim, attribute or header of a user's own); the endings beside it are those that
are documented, for the configs of proxies that can remove whole names alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

NAMES = frozenset(
    {
        # REMOTE_USER of CGI (RFC 3875 section 4.1.11), Authelia, and what Kubernetes calls an authenticating proxy
        b"remote-user",
        b"remote-name",
        b"remote-email",
        b"remote-groups",
        b"auth-user",
        b"x-remote-user",
        b"x-remote-name",
        b"x-remote-email",
        b"x-remote-group",
        b"x-remote-groups",
        b"x-remote-uid",
        b"x-sso-user",  # Sonatype Nexus, as x-proxy-remote-user
        b"x-webobjects-remote-user",
        # Kong
        b"x-consumer-id",
        b"x-consumer-custom-id",
        b"x-consumer-username",
        b"x-consumer-groups",
        b"x-credential-identifier",
        b"x-credential-username",
        b"x-anonymous-consumer",
        # Keycloak's Gatekeeper; its X-Auth-Token is a credential elsewhere
        b"x-auth-audience",
        b"x-auth-email",
        b"x-auth-expiresin",
        b"x-auth-groups",
        b"x-auth-roles",
        b"x-auth-subject",
        b"x-auth-userid",
        b"x-auth-username",
        # claims that a gateway has verified
        b"x-endpoint-api-userinfo",  # Google's Extensible Service Proxy
        b"x-goog-iap-jwt-assertion",
        b"x-userinfo",  # Apache APISIX, and lua-resty-openidc
        b"x-id-token",  # the same
        b"x-jwt-assertion",  # WSO2
        b"x-jwt-payload",
        b"sec-istio-auth-userinfo",
        b"teleport-jwt-assertion",
        b"x-vercel-oidc-token",
        # Cloudflare Access; its `CF-Access-Client-*` are credentials of clients
        b"cf-access-authenticated-user-email",
        b"cf-access-jwt-assertion",
        # Pomerium; its `X-Pomerium-Authorization` likewise
        b"x-pomerium-jwt-assertion",
        # WebSEAL, Oracle Access Manager (also by Okta's Access Gateway), CAS
        b"iv-user",
        b"iv-user-l",
        b"iv-groups",
        b"iv-creds",
        b"cas-user",
        # what Shibboleth's attribute maps name without a prefix
        b"eppn",
        b"persistent-id",
        b"targeted-id",
        # OpenSearch and Search Guard, whose REST layer lets one user speak as another
        b"securitytenant",
        b"sgtenant",
        b"es-security-runas-user",
        # tenants: Loki, Mimir, Cortex and Tempo; Thanos
        b"x-scope-orgid",
        b"thanos-tenant",
        # Apache NiFi
        b"x-proxiedentitieschain",
        b"x-proxiedentitiesaccepted",
        b"x-proxiedentitiesdetails",
        b"x-proxiedentitygroups",
        # client certificates: RFC 9440, and the names before it (`X-Forwarded-Client-Cert` is removed as one of the
        # forwarded headers)
        b"client-cert",
        b"client-cert-chain",
        # subscribers of mobile networks ("header enrichment")
        b"msisdn",
        b"imsi",
        b"x-acr",
        b"x-h3g-msisdn",
        b"x-imsi",
        b"x-mdn",
        b"x-network-info",
        b"x-nokia-imsi",
        b"x-nokia-msisdn",
        b"x-vf-acr",
        b"x-wap-msisdn",
        b"x-wap-network-client-msisdn",
    }
)

FAMILIES: Mapping[bytes, tuple[bytes, ...]] = MappingProxyType(
    {
        b"x-remote-extra-": (b"scopes",),  # Kubernetes
        b"impersonate-": (b"user", b"group", b"uid"),  # Kubernetes: Impersonate-Extra-*
        b"x-auth-request-": (b"user", b"email", b"groups", b"preferred-username", b"access-token", b"redirect"),
        b"x-authenticated-": (b"user", b"userid", b"username", b"email", b"groups", b"scope"),  # behind nginx, Kong
        b"x-authentik-": (b"username", b"groups", b"email", b"name", b"uid", b"jwt", b"entitlements"),
        b"x-webauth-": (b"user", b"name", b"email", b"groups", b"role"),  # Grafana, Gitea
        b"x-vouch-": (b"user", b"idp-accesstoken", b"idp-idtoken"),
        b"x-pomerium-claim-": (b"sub", b"user", b"email", b"groups", b"name"),
        b"x-goog-authenticated-user-": (b"email", b"id"),  # Google's IAP
        b"x-appengine-": (b"user-email", b"user-id", b"user-ip", b"user-is-admin", b"user-nickname"),
        b"x-amzn-oidc-": (b"accesstoken", b"data", b"identity"),  # load balancers of AWS
        b"x-amzn-mtls-": (b"clientcert", b"clientcert-subject", b"clientcert-issuer", b"clientcert-serial-number"),
        b"x-amzn-lattice-": (b"identity", b"network", b"target"),
        b"x-amzn-request-context": (b"",),  # what API Gateway has verified, by the Lambda Web Adapter
        b"x-amzn-lambda-context": (b"",),
        b"x-apigateway-": (b"api-userinfo", b"context", b"event"),  # Google's API Gateway; Express on Lambda
        b"lambda-runtime-": (b"client-context", b"cognito-identity", b"invoked-function-arn"),
        b"x-ms-client-principal": (b"", b"-id", b"-idp", b"-name"),  # Azure's App Service
        b"x-ms-token-": (b"aad-access-token", b"aad-id-token", b"aad-refresh-token"),
        b"ms-aspnetcore-": (b"clientcert", b"token", b"user", b"winauthtoken"),  # IIS in front of ASP.NET
        b"x-iis-": (b"windowsauthtoken",),
        b"x-arr-": (b"clientcert", b"log-id", b"ssl"),
        b"tailscale-user-": (b"login", b"name", b"profile-pic"),
        b"x-okta-": (b"user", b"email", b"groups"),
        b"okta-": (b"user", b"email", b"groups"),
        b"oidc-": (b"access-token", b"claim-sub", b"claim-email", b"claim-preferred-username"),  # mod_auth_openidc
        b"x-oidc-": (b"claim-sub", b"user"),
        b"x-jwt-claim-": (b"sub", b"email", b"groups"),  # Istio's claims, by its documentation's example
        b"saml-": (b"nameid", b"subject", b"user"),
        b"x-saml-": (b"nameid", b"subject", b"user"),
        b"mellon-": (b"name-id", b"user"),  # mod_auth_mellon
        b"shib-": (b"identity-provider", b"session-id", b"application-id"),  # Shibboleth
        b"ajp-": (b"remote-user",),  # attributes for Tomcat, by mod_proxy_ajp and Shibboleth
        b"sm-": (b"authdirname", b"serversessionid", b"universalid", b"user", b"userdn", b"usergroups"),  # SiteMinder
        b"oam-": (b"remote-user", b"remote-user-email", b"remote-user-groups", b"identity-domain"),
        b"opendistro-security-": (b"impersonate-as",),  # OpenSearch
        b"opensearch-security-": (b"impersonate-as",),
        b"-opendistro-security-": (),  # what its nodes tell each other
        b"-opensearch-security-": (),
        b"sg-": (b"impersonate-as",),
        b"-sg-": (),
        b"x-proxy-": (b"user", b"roles", b"remote-user", b"ext-attributes"),  # OpenSearch's proxy authentication
        b"x-trino-": (b"user", b"original-user", b"original-roles", b"role", b"extra-credential", b"session"),
        b"x-presto-": (b"user", b"role", b"extra-credential", b"session"),
        b"x-hasura-": (b"role", b"user-id", b"org-id", b"allowed-roles", b"default-role"),
        b"x-spinnaker-": (b"user", b"accounts"),
        b"x-client-cert": (b"", b"-chain"),
        b"x-client-dn": (b"",),
        b"x-client-verify": (b"",),
        b"x-ssl-cert": (b"",),
        b"ssl-client-": (b"cert", b"issuer-dn", b"subject-dn", b"verify"),
        b"x-ssl-client-": (b"cert", b"cn", b"dn", b"issuer-dn", b"subject-dn", b"verify"),
        b"x-msisdn": (b"",),
        b"x-up-": (b"calling-line-id", b"subno"),
    }
)
"""Prefix -> documented endings; an ending may be empty."""

CREDENTIALS = frozenset({b"x-hasura-admin-secret"})
"""Names of a family by which clients show what they are: whoever lacks the right value gains nothing by one."""
