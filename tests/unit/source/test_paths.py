import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.source.paths import CanonicalPath, PathPrefix

PATH: TypeAdapter[str] = TypeAdapter(CanonicalPath)
PREFIX: TypeAdapter[str] = TypeAdapter(PathPrefix)


@pytest.mark.parametrize("path", ["/", "/orders/", "/orders", "/a%2Fb", "/a~b"])
def test_a_path_stands_as_requests_are_matched_by_it(path: str) -> None:
    assert PATH.validate_python(path) == path


@pytest.mark.parametrize("path", ["", "orders", "/a/../b", "//a", "/a?b", "/%61", "/a%2fb", "/a b", "/a#b"])
def test_a_path_that_no_request_can_meet_is_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        PATH.validate_python(path)


@pytest.mark.parametrize(("written", "kept"), [("", ""), ("/", ""), ("/a", "/a"), ("/a/", "/a")])
def test_a_prefix_has_no_slash_at_its_end(written: str, kept: str) -> None:
    assert PREFIX.validate_python(written) == kept
