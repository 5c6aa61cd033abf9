import pytest

from gateway.model.credential import CredentialKind
from gateway.model.person import Person, person_of, roles_of
from gateway.model.session import Member, Session, User

USER = User(id="u1", email="user@example.com")
MEMBER = Member(id="m1", role="admin", email="member@example.com", name="John Doe")


@pytest.mark.parametrize(
    ("kind", "user", "member", "person"),
    [
        (CredentialKind.API_KEY, USER, MEMBER, Person("m1", "member@example.com", "John Doe")),
        (CredentialKind.BEARER, USER, MEMBER, Person("u1", "user@example.com", "John Doe")),
        (
            CredentialKind.API_KEY,
            User(id="u1", email="u@x.test", name="U"),
            Member(id="m1"),
            Person("m1", "u@x.test", "U"),
        ),
        (CredentialKind.API_KEY, None, Member(id="m1"), Person("m1", None, None)),
        (CredentialKind.BEARER, User(id="u1"), Member(id="m1"), Person("u1", None, None)),
        (CredentialKind.API_KEY, USER, None, Person("u1", "user@example.com", None)),
        (CredentialKind.COOKIE, None, MEMBER, Person(None, "member@example.com", "John Doe")),
        (CredentialKind.BEARER, None, None, Person(None, None, None)),
    ],
)
def test_a_key_speaks_for_its_member_and_everything_else_for_its_user(
    kind: CredentialKind, user: User | None, member: Member | None, person: Person
) -> None:
    assert person_of(Session(subject="s", user=user, member=member), kind) == person


def test_roles_are_ones_own_and_that_in_the_bound_organization_each_once() -> None:
    assert roles_of(Session(subject="s", roles=("user", "admin"), member=MEMBER)) == ("user", "admin")
    assert roles_of(Session(subject="s", roles=("user", "user"), member=MEMBER)) == ("user", "admin")
    assert roles_of(Session(subject="s", roles=("user",))) == ("user",)
