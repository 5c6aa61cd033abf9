import pytest

from tests.support.builders.configs import route_problems

EXACT = "warning: routes[0].match.path: is exact, and many serve /a/ alike: routes[1] (r1), a laxer one, "
LISTED = (
    "warning: routes[0].match.methods: lists some methods; all others, made-up ones too, are of routes[1] (r1), "
    "a laxer one"
)
ALIKE = (
    "warning: routes[1].match.path: is answered 404: without letter case or its last slash it is of routes[0] (r0); "
    "case_sensitive: true where the upstream tells them apart"
)


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        (
            ("match: {path: /a/}, credentials: token", "match: {path: /a/b/}, credentials: token"),
            ["warning: routes[1].match: can never match: routes[0] (r0) takes all of it"],
        ),
        (
            (
                "match: {path: /a/, methods: [GET]}, access: public",
                "match: {path: /a/b/}, credentials: token",
            ),
            ["warning: routes[1].match: is stricter than routes[0] (r0), which takes a part of it"],
        ),
        (
            ("match: {path: /a/b/}, access: public", "match: {path: /a/}, credentials: token"),
            ["warning: routes[0].access: is public, inside of what routes[1] (r1) requires a session for"],
        ),
        (("match: {path: /a/b/}, credentials: token", "match: {path: /a/}, credentials: token"), []),
        (
            ("match: {path: /a/, methods: [PUT, DELETE]}, credentials: token", "match: {path: /a/}, access: public"),
            [
                LISTED,
            ],
        ),
        (
            (
                "match: {path: /a/, methods: [PUT, DELETE]}, credentials: token",
                "match: {path: /a/, methods: [GET]}, access: public",
            ),
            [],
        ),
        (
            ("match: {path: /a/, methods: [GET]}, access: public", "match: {path: /a/}, credentials: token"),
            [
                "warning: routes[1].match: is stricter than routes[0] (r0), which takes a part of it",
                "warning: routes[0].access: is public, inside of what routes[1] (r1) requires a session for",
            ],
        ),
        (
            ("match: {path: /a}, credentials: token", "match: {path: /}, access: public"),
            [
                EXACT + "would take it, so it is answered 404",
            ],
        ),
        (
            (
                "match: {path: /a}, credentials: token",
                "match: {path: /}, access: public, case_sensitive: true",
            ),
            [
                EXACT + "takes it",
            ],
        ),
        (
            ("match: {path: /A/}, credentials: token", "match: {path: /a/}, credentials: token"),
            [
                ALIKE,
            ],
        ),
        (
            (
                "match: {path: /A/}, credentials: token",
                "match: {path: /a/}, credentials: token, case_sensitive: true",
            ),
            [],
        ),
    ],
)
def test_routes_that_hide_each_other_are_warned_of(routes: tuple[str, ...], expected: list[str]) -> None:
    assert route_problems(*routes) == expected


def test_places_are_the_files_though_a_route_before_cannot_be_read() -> None:
    assert route_problems(
        "match: {path: //}", "match: {path: /a/}, access: public", "match: {path: /a/b}, access: public"
    ) == ["warning: routes[2].match: can never match: routes[1] (r1) takes all of it"]
