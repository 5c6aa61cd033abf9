from __future__ import annotations

import pytest

from gateway.http1.field_names import LISTED_TOLD_BY_US, TOLD_BY_US_FAMILIES, is_told_by_us
from gateway.identity.foreign_names import ForeignNames
from gateway.identity.foreign_table import CREDENTIALS, FAMILIES, NAMES
from gateway.model.headers import spelling

EVERYBODYS = (
    *("accept", "accept-language", "cache-control", "content-type", "cookie", "if-none-match", "origin", "referer"),
    *("authorization", "x-api-key", "x-auth-token", "x-csrf-token", "x-requested-with", "x-amz-date", "range"),
    *("sec-websocket-key", "sec-fetch-site", "dpop", "idempotency-key", "x-goog-api-key", "x-hasura-admin-secret"),
    *("traceparent", "x-amzn-trace-id", "x-client-version", "x-ms-version", "x-access-token", "x-user", "x-tenant-id"),
)


def test_every_name_is_in_the_spelling_that_is_looked_up() -> None:
    names = {*NAMES, *FAMILIES, *TOLD_BY_US_FAMILIES, *LISTED_TOLD_BY_US, *ForeignNames().listed, *CREDENTIALS}
    assert {name for name in names if spelling(name) != name} == set()


def test_a_name_that_a_family_holds_is_not_listed_besides() -> None:
    assert {name for name in NAMES if name.startswith(tuple(FAMILIES))} == set()


def test_what_is_listed_is_what_is_found() -> None:
    foreign = ForeignNames()
    assert all(foreign.include(name) for name in foreign.listed)
    assert all(map(is_told_by_us, LISTED_TOLD_BY_US))
    assert not CREDENTIALS & foreign.listed


@pytest.mark.parametrize("name", EVERYBODYS)
def test_what_clients_say_of_themselves_is_not_in_it(name: str) -> None:
    canonical = spelling(name.encode())
    assert not ForeignNames().include(canonical)
    assert not is_told_by_us(canonical) or name == "traceparent"


@pytest.mark.parametrize(
    "name",
    [
        *("X-Proxy-Roles", "securitytenant", "opendistro_security_impersonate_as", "_opendistro_security_user"),
        *("sg_impersonate_as", "es-security-runas-user", "X-Scope-OrgID", "THANOS-TENANT", "X-Trino-User"),
        *("X-Presto-Session", "X-ProxiedEntitiesChain", "X-ProxiedEntityGroups", "X-Hasura-Anything"),
        *("Impersonate-Extra-scopes", "X-Remote-Extra-scopes", "X-Amzn-Request-Context", "x-apigateway-event"),
        *("X-IIS-WindowsAuthToken", "MS-ASPNETCORE-USER", "X-ARR-ClientCert", "X-Okta-User", "OIDC_CLAIM_groups"),
        *("X-Saml-Groups", "Saml_Role", "MELLON_mail", "Shib-Handler", "SM_USER", "X-MSISDN", "x-up-calling-line-id"),
    ],
)
def test_the_names_that_attacks_found_are(name: str) -> None:
    assert ForeignNames().include(spelling(name.encode()))
