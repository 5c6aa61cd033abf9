from gateway.config.partial import read_partial
from gateway.source.addresses import ListenAddress
from gateway.source.document import parse_document
from tests.support.builders.configs import LEAST, lines, parts


def test_a_sound_config_is_read_whole() -> None:
    found = parts(LEAST)
    assert set(found.authorities) == found.authority_names == {"accounts"}
    assert set(found.credentials) == found.reader_names == {"key", "token"}
    assert [route.name for route in found.routes.values()] == ["orders"]
    assert len(found.sections.secret) == 1


def test_what_cannot_be_read_hides_nothing_else_and_keeps_its_name() -> None:
    found = parts(
        "listen: {public: localhost:1, admin: nowhere}\n"
        "cache: {fresh: 5s}\n"
        "secret_file: /nowhere\n"
        "spam: 1\n"
        "credentials: {broken: {kind: api_key}, token: {kind: bearer, authority: a}}\n"
        "routes: [{name: broken}, {name: whole, match: {}, upstream: http://a}]\n"
        "session_info: [7, {dialect: memghost, credentials: token}]\n"
    )
    assert found.sections.listen.public == ListenAddress("0.0.0.0", 8080)  # noqa: S104 - nothing listens
    assert found.sections.cache.fresh == 5.0
    assert found.sections.secret == ()
    assert found.reader_names == {"broken", "token"}
    assert set(found.credentials) == {"token"}
    assert set(found.routes) == {1}
    assert set(found.session_info) == {1}


def test_no_shape_of_a_document_is_too_strange() -> None:
    for text in ("", "7", "[1]", "routes: 7\ncredentials: [x]\nauthorities: no\nsession_info: {a: 1}"):
        found = read_partial(parse_document(text, "c"))
        assert not found.routes
        assert not found.reader_names


def test_problems_are_made_at_their_place() -> None:
    found = parts(LEAST)
    assert str(found.problem("is wrong", "routes", 0, "match")) == "c:9:5: routes[0].match: is wrong"
    assert lines([found.warning("is odd", "secret")]) == ["warning: secret: is odd"]
