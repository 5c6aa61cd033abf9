"""What `check` says of rules that admit more than they seem to, or nobody."""

from __future__ import annotations

import pytest

from gateway.config.load import check_document
from gateway.source.document import parse_document

CONFIG = """\
secret: a-secret-of-the-tests-that-is-long-enough
authorities: {{accounts: {{kind: remote, dialect: memghost, url: "http://127.0.0.1:1/"}}}}
credentials: {{token: {{kind: bearer, authority: accounts}}}}
routes:
  - {{name: a, match: {{}}, upstream: "http://127.0.0.1:1", require: {require}}}
"""
WITHOUT = "warning: without organizations: who is that in any organization passes, a customer's own too"


def problems(require: str) -> list[str]:
    checked = check_document(parse_document(CONFIG.format(require=require), "c.yaml", environment={}))
    return [
        f"{each.path.removeprefix('routes[0].')}: {'warning: ' if each.warning else ''}{each.text}"
        for each in checked.problems
    ]


@pytest.mark.parametrize(
    ("require", "expected"),
    [
        ("{organization_roles: [admin]}", [f"require.organization_roles: {WITHOUT}"]),
        ("{organization_roles: [admin], organizations: [org_1]}", []),
        ("{any_of: [{roles: [a]}, {organization_roles: [b]}]}", [f"require.any_of[1].organization_roles: {WITHOUT}"]),
        ("{organizations: [org_1], any_of: [{organization_roles: [b]}]}", []),
        ("{not: {organization_roles: [guest]}}", []),
        ("{not: [{kinds: [cookie]}, {roles: [guest]}]}", []),
        ("{any_of: [{}]}", ["require.any_of[0]: requires nothing, so everybody meets it"]),
        ("{any_of: [{roles: []}]}", ["require.any_of[0]: requires nothing, so everybody meets it"]),
        ("{not: {}}", ["require.not[0]: requires nothing, so everybody is refused"]),
        ("{unverified_emails: true}", ["require.unverified_emails: warning: is not used: there are no email_domains"]),
        ("{unverified_emails: true, email_domains: [example.com]}", []),
    ],
)
def test_check_warns_of_roles_in_organizations_that_anybody_founds(require: str, expected: list[str]) -> None:
    assert problems(require) == expected


def test_a_key_that_is_not_known_is_a_problem_in_alternatives_too() -> None:
    assert problems("{any_of: [{role: [a]}]}")
    assert problems("{not_: {roles: [a]}}")
