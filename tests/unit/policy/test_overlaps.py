from __future__ import annotations

import pytest
from msgspec import structs

from gateway.model.credential import CredentialKind
from gateway.model.route import Access, Require, Route
from gateway.policy.overlaps import alike, exact_beside_laxer, public_inside_required, stricter_behind_laxer
from tests.support.builders.routes import route

ADMIN = Require(roles=frozenset({"admin"}))
SALES = Require(claims={"department": frozenset({"sales"})})
MAIL = Require(email_domains=frozenset({"a.test"}))
LAX_MAIL = Require(email_domains=frozenset({"a.test"}), unverified_emails=True)


def public(path: str, host: str = "", methods: tuple[str, ...] = ()) -> Route:
    return route(path, host, methods, Access.PUBLIC)


def test_a_public_hole_in_a_required_prefix_is_told() -> None:
    assert public_inside_required([public("/api/health"), route("/api/")]) == [(0, 1)]
    assert public_inside_required([public("/api/docs/"), route("/other/"), route("/")]) == [(0, 2)]


@pytest.mark.parametrize(
    "routes",
    [
        [public("/health"), route("/api/")],
        [public("/api-docs/"), route("/api/")],
        [public("/api/x", "a.test"), route("/api/", "b.test")],
        [public("/api/x", "a.b.test"), route("/api/", "b.test")],
        [public("/api/x", "*.b.test"), route("/api/", "b.test")],
        [public("/api/x/y"), route("/api/x")],
        [public("/api/x", methods=("GET",)), route("/api/", methods=("POST",))],
        [route("/api/"), public("/api/x")],
        [public("/api/x"), route("/api/", access=Access.OPTIONAL)],
    ],
)
def test_public_routes_elsewhere_are_nothing_to_tell(routes: list[Route]) -> None:
    assert public_inside_required(routes) == []


@pytest.mark.parametrize(
    ("lax", "strict"),
    [
        (public("/", methods=("GET",)), route("/admin/")),
        (public("/", "*.x.test"), route("/admin/")),
        (public("/", "a.x.test"), route("/admin/", "*.x.test")),
        (route("/", access=Access.OPTIONAL, methods=("GET",)), route("/admin/")),
        (public("/", methods=("GET",)), route("/admin/", access=Access.OPTIONAL)),
        (public("/x", methods=("GET",)), route("/x")),
        (route("/", methods=("GET",)), route("/admin/", require=ADMIN)),
        (route("/", "a.test", require=Require(roles=frozenset({"admin", "user"}))), route("/x", require=ADMIN)),
        (route("/", "a.test", require=ADMIN), route("/x", require=Require(scopes=frozenset({"write"})))),
        (route("/", "a.test", require=ADMIN), route("/x", require=Require(kinds=frozenset({CredentialKind.COOKIE})))),
        (route("/", "a.test"), route("/x", require=Require(organization_roles=frozenset({"admin"})))),
        (route("/", "a.test"), route("/x", require=Require(any_of=(ADMIN,)))),
        (route("/", "a.test"), route("/x", require=Require(not_=(ADMIN,)))),
        (route("/", "a.test", require=SALES), route("/x", require=Require(claims={"department": frozenset({"ops"})}))),
        (route("/", "a.test", require=LAX_MAIL), route("/x", require=MAIL)),
    ],
)
def test_a_laxer_route_in_front_of_a_stricter_one_is_told(lax: Route, strict: Route) -> None:
    assert stricter_behind_laxer([lax, strict]) == [(1, 0)]
    assert stricter_behind_laxer([strict, lax]) == []


def test_an_exception_for_a_narrower_path_is_ordinary() -> None:
    assert stricter_behind_laxer([route("/admin/help"), route("/admin/", require=ADMIN)]) == []


def test_an_equal_rule_hides_nothing() -> None:
    assert stricter_behind_laxer([route("/", "a.test", require=ADMIN), route("/admin/", require=ADMIN)]) == []


def test_an_exact_path_is_told_whose_other_spelling_a_laxer_route_takes() -> None:
    assert exact_beside_laxer([route("/admin", require=ADMIN), route("/")]) == [(0, 1)]
    assert exact_beside_laxer([route("/admin", methods=("POST",)), public("/", "", ("GET",)), public("/")]) == [(0, 2)]
    assert exact_beside_laxer([route("/admin", "a.test"), public("/", "b.test"), public("/", "a.test")]) == [(0, 2)]


@pytest.mark.parametrize(
    "routes",
    [
        [route("/admin/"), public("/")],
        [route("/admin"), route("/admin/"), public("/")],
        [route("/admin"), route("/")],
        [route("/admin"), public("/admin/x"), public("/public/")],
        [public("/admin"), route("/")],
        [route("/admin", methods=("POST",)), public("/", "", ("GET",))],
    ],
)
def test_an_exact_path_whose_other_spelling_is_as_strict_is_nothing_to_tell(routes: list[Route]) -> None:
    assert exact_beside_laxer(routes) == []


@pytest.mark.parametrize(
    ("routes", "pairs"),
    [
        ([route("/Admin/"), route("/admin/")], [(1, 0)]),
        ([route("/Admin/"), route("/admin/x/")], [(1, 0)]),
        ([route("/%40x/"), route("/@x/")], [(1, 0)]),
        ([route("/admin"), route("/admin/")], [(1, 0)]),
        ([route("/Admin/", "a.test"), route("/admin/", "b.test")], []),
        ([route("/Admin/", methods=("GET",)), route("/admin/", methods=("POST",))], []),
        ([route("/Admin/"), structs.replace(route("/admin/"), case_sensitive=True)], []),
        ([route("/Admin/x"), route("/admin/"), route("/")], []),
        ([route("/Admin/"), route("/Admin/x/"), route("/")], []),
    ],
)
def test_routes_are_told_that_are_one_where_letter_case_does_not_count(
    routes: list[Route], pairs: list[tuple[int, int]]
) -> None:
    assert alike(routes) == pairs


@pytest.mark.parametrize("same", [SALES, MAIL, Require(any_of=(ADMIN, SALES)), Require(not_=(ADMIN,))])
def test_the_same_rules_are_no_stricter(same: Require) -> None:
    assert stricter_behind_laxer([route("/", "a.test", require=same), route("/x", require=same)]) == []
