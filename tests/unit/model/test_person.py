import pytest

from gateway.model.credential import CredentialKind
from gateway.model.person import Person, organization_role_of, person_of, roles_of
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


def test_roles_are_ones_own_each_once_and_that_in_the_organization_is_another_s() -> None:
    session = Session(subject="s", roles=("user", "user"), member=MEMBER)
    assert (roles_of(session), organization_role_of(session)) == (("user",), "admin")
    assert organization_role_of(Session(subject="s", roles=("admin",))) is None


@pytest.mark.parametrize("kind", [CredentialKind.API_KEY, CredentialKind.BEARER])
def test_whether_an_address_is_verified_is_said_of_that_address_alone(kind: CredentialKind) -> None:
    user = User(id="u", email="u@example.com", email_verified=False)
    assert person_of(Session(subject="s", user=user), kind).email_verified is False
    assert person_of(Session(subject="s", user=user, member=Member(id="m")), kind).email_verified is False
    nameless = User(id="u", email_verified=False)
    assert person_of(Session(subject="s", user=nameless, member=MEMBER), kind).email_verified is None
