from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.credentials.forms import Form, Place

JWT = Form(jwt=True)


@pytest.mark.parametrize(
    ("form", "secret", "includes"),
    [
        (Form(), "anything", True),
        (Form(("sk_",)), "sk_1", True),
        (Form(("sk_", "uk_")), "ok_1", False),
        (JWT, "eyJhbGciOiJFUzI1NiJ9.e30.c2ln", True),
        (JWT, "eyJhbGciOiJFUzI1NiJ9==.e30=.c2ln=", True),  # as AWS writes them
        (JWT, "eyJhbGciOiJub25lIn0.e30.", True),  # to be refused by who knows more
        (JWT, "sk_live.a.b", False),
        (JWT, "eyJhbGciOiJFUzI1NiJ9.e30", False),
        (JWT, "eyJhbGciOiJFUzI1NiJ9.e30.c2ln.more", False),
        (JWT, "eyJ!.e30.c2ln", False),
        (Form(("eyJ0",), jwt=True), "eyJhbGciOiJFUzI1NiJ9.e30.c2ln", False),
    ],
)
def test_what_a_form_includes(form: Form, secret: str, *, includes: bool) -> None:
    assert form.includes(secret) is includes


FORMS = st.builds(
    Form, st.lists(st.sampled_from(["s", "sk_", "sk_live_", "e", "ey", "eX", "ez", "e_", ""]), max_size=2).map(tuple)
) | st.just(JWT)


@given(FORMS, FORMS, st.sampled_from(["", "e", "ey", "sk_", "sk_live_", "ez", "eX"]), st.text("ey.s_kX", max_size=8))
def test_a_secret_of_two_forms_means_that_they_meet(one: Form, two: Form, begin: str, rest: str) -> None:
    for secret in (begin + rest, f"{begin}{rest}.a.b"):
        if one.includes(secret) and two.includes(secret):
            assert one.meets(two)
            assert two.meets(one)


@given(st.dictionaries(st.text(), st.integers() | st.text()), st.sampled_from([None, 2]))
def test_every_json_object_begins_as_a_token_does(header: dict[str, object], indent: int | None) -> None:
    first = base64.urlsafe_b64encode(json.dumps(header, indent=indent).encode()).rstrip(b"=").decode()
    assert JWT.includes(f"{first}.e30.c2ln")


def test_another_scheme_or_header_is_another_place() -> None:
    bearer = Place("header authorization", "bearer")
    assert bearer.meets(Place("header authorization"))
    assert not bearer.meets(Place("header authorization", "basic"))
    assert not bearer.meets(Place("header x-key", "bearer"))
    assert (str(bearer), str(Place("cookie a"))) == ("header authorization (bearer)", "cookie a")
