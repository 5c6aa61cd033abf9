from __future__ import annotations

import msgspec
import pytest

from gateway.model.destination import destination_of
from gateway.model.errors import MalformedError
from tests.support.builders.requests import access_request


@pytest.mark.parametrize(
    ("destination", "path"),
    [
        (b"/b", "/b"),
        (b"/outer/b", "/b"),
        (b"/outer", "/outer"),
        (b"/outerb/b", "/outerb/b"),
        (b"https://gateway.test/outer/%62?c", "/b?c"),
        (b"HTTP://GATEWAY.test.:81/b", "/b"),
    ],
)
def test_a_destination_is_a_path_of_this_host_however_it_is_told(destination: bytes, path: str) -> None:
    access = access_request("COPY", "/a", ((b"Destination", destination),), host=b"gateway.test")
    target = destination_of(msgspec.structs.replace(access, prefix="/outer"), ())
    assert str(target) == path


@pytest.mark.parametrize(
    ("destination", "status"),
    [(b"http://other.test/b", 403), (b"http://a@gateway.test/b", 400), (b"//gateway.test/b", 400), (b"/outer//b", 400)],
)
def test_what_is_no_path_of_this_host_is_refused(destination: bytes, status: int) -> None:
    access = access_request("COPY", "/a", ((b"Destination", destination),), host=b"gateway.test")
    with pytest.raises(MalformedError) as refused:
        destination_of(msgspec.structs.replace(access, prefix="/outer"), ())
    assert refused.value.refusal.status == status
