from __future__ import annotations

import pytest

from gateway.credentials.reader import Reader
from gateway.model.credential import Credential
from tests.support.builders.credentials import api_key_reader, bearer_reader, cookie_reader, pair_reader
from tests.support.builders.requests import access_request

READERS = {
    "api_key": api_key_reader(header="X-API-Key"),
    "bearer": bearer_reader(),
    "cookie": cookie_reader("Session"),
    "token_pair": pair_reader("X-Session"),
}
SHOWN = (
    (b"X-API-Key", b"k"),
    (b"Authorization", b"Bearer t"),
    (b"Cookie", b"Session=c"),
    (b"X-User-Id", b"u"),
    (b"X-Auth-Token", b"t"),
    (b"X-Session", b"s"),
)


@pytest.mark.parametrize("kind", READERS)
def test_what_a_reader_says_it_reads_is_all_that_it_reads(kind: str) -> None:
    """Forwarding removes what a reader names, so a request without that shows it nothing."""
    reader: Reader = READERS[kind]
    assert isinstance(reader.read(access_request(headers=SHOWN)), Credential)
    kept = tuple(
        (name, value)
        for name, value in SHOWN
        if name.lower() not in reader.headers and not (name == b"Cookie" and reader.cookies)
    )
    assert len(kept) < len(SHOWN)
    assert reader.read(access_request(headers=kept)) is None


@pytest.mark.parametrize("kind", READERS)
def test_field_names_are_in_lower_case_and_cookie_names_as_they_are(kind: str) -> None:
    reader: Reader = READERS[kind]
    assert all(name == name.lower() for name in reader.headers)
    assert reader.cookies <= {b"Session"}
