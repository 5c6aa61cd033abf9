import pytest

from gateway.model.target import Oddity
from gateway.sign_in.return_target import ReturnTargets

TARGETS = ReturnTargets(["https://docs.example.com"])


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("/", "/"),
        ("/a/b?c=%2F&d", "/a/b?c=%2F&d"),
        ("/%61", "/a"),
        ("https://app.test/x", "/x"),
        ("https://docs.example.com/y?z", "https://docs.example.com/y?z"),
        ("https://docs.example.com:443/", "https://docs.example.com/"),
        ("https://docs.example.com", None),
        ("http://docs.example.com/", None),
        ("https://docs.example.com.evil.example/", None),
        ("https://evil.example/", None),
        ("//docs.example.com/", None),
        ("/_gateway/sign-out", None),
        ("/%5Fgateway/sign-out", None),
        ("", None),
    ],
)
def test_a_target_is_a_path_of_ours_or_of_a_listed_origin(text: str, target: str | None) -> None:
    assert TARGETS.read(text, "https://app.test") == target


def test_two_slashes_are_a_host_whatever_routes_allow() -> None:
    lax = ReturnTargets([], list(Oddity))
    assert lax.read("//evil.example", "https://app.test") is None
    assert lax.read("/a//b", "https://app.test") == "/a//b"
