from gateway.config.partial import read_partial
from gateway.source.addresses import ListenAddress
from gateway.source.document import parse_document
from tests.support.builders.configs import LEAST, lines, partial


def test_a_sound_config_is_read_whole() -> None:
    config = partial(LEAST)
    assert set(config.authorities) == config.authority_names == {"accounts"}
    assert set(config.credentials) == config.reader_names == {"key", "token"}
    assert [route.name for route in config.routes.values()] == ["orders"]
    assert len(config.sections.secret) == 1


def test_what_cannot_be_read_hides_nothing_else_and_keeps_its_name() -> None:
    config = partial(
        "listen: {public: localhost:1, admin: nowhere}\n"
        "cache: {fresh: 5s}\n"
        "secret_file: /nowhere\n"
        "spam: 1\n"
        "credentials: {broken: {kind: api_key}, token: {kind: bearer, authority: a}}\n"
        "routes: [{name: broken}, {name: whole, match: {}, upstream: http://a}]\n"
        "session_info: [7, {dialect: memghost, credentials: token}]\n"
    )
    assert config.sections.listen.public == (ListenAddress("0.0.0.0", 8080),)  # noqa: S104 - nothing listens
    assert config.sections.cache.fresh == 5.0
    assert config.sections.secret == ()
    assert config.reader_names == {"broken", "token"}
    assert set(config.credentials) == {"token"}
    assert set(config.routes) == {1}
    assert set(config.session_info) == {1}


def test_no_shape_of_a_document_is_too_strange() -> None:
    for text in ("", "7", "[1]", "routes: 7\ncredentials: [x]\nauthorities: no\nsession_info: {a: 1}"):
        config = read_partial(parse_document(text, "c"))
        assert not config.routes
        assert not config.reader_names


def test_problems_are_made_at_their_place() -> None:
    config = partial(LEAST)
    assert str(config.problem("is wrong", "routes", 0, "match")) == "c:9:5: routes[0].match: is wrong"
    assert lines([config.warning("is odd", "secret")]) == ["warning: secret: is odd"]
