from __future__ import annotations

import pytest

from gateway.admin.admin_callers import OWNER, AdminCaller
from gateway.admin.grants import Grant, require_own
from gateway.admin.problems import ProblemError
from gateway.model.session import Member, Organization, Session

SESSION = Session(
    subject="u",
    organization=Organization(id="org"),
    member=Member(id="m", role="admin"),
    roles=("support",),
    scopes=("orders:read",),
)
CALLER = AdminCaller("bearer", frozenset({"keys.create"}), SESSION)


@pytest.mark.parametrize(
    ("grant", "given"),
    [
        (Grant(), True),
        (Grant(roles=frozenset({"support"})), True),
        (Grant(roles=frozenset({"support", "admin"})), False),
        (Grant(scopes=frozenset({"orders:read", "keys.create"})), True),
        (Grant(scopes=frozenset({"orders:write"})), False),
        (Grant(scopes=frozenset({"keys.delete"})), False),
        (Grant(organization="org"), True),
        (Grant(organization="org", organization_role="admin"), True),
        (Grant(organization="org", organization_role="owner"), False),
        (Grant(organization="other"), False),
    ],
)
def test_nobody_gives_more_than_they_have_but_the_owner(grant: Grant, given: bool) -> None:
    require_own(OWNER, grant)
    if given:
        require_own(CALLER, grant)
        return
    with pytest.raises(ProblemError) as refused:
        require_own(CALLER, grant)
    assert (refused.value.status, refused.value.code) == (403, "more_than_own")


def test_who_is_in_no_organization_gives_nothing_there() -> None:
    alone = AdminCaller("bearer", frozenset(), Session(subject="u"))
    with pytest.raises(ProblemError):
        require_own(alone, Grant(organization="org"))
