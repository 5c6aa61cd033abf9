from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.url import MASK, fault_of_url, without_passwords

PASSWORD = st.text(st.characters(exclude_categories=["Z", "C"], exclude_characters=""), min_size=5)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:part/of@cache:6379/0", f"redis://:{MASK}@cache:6379/0"),
        ("redis://:12/34@cache", f"redis://:{MASK}@cache"),
        ("redis://gw:a?b#c@d@cache, then", f"redis://gw:{MASK}@cache, then"),
        ("'postgresql://gw:p:w@db/gw'", f"'postgresql://gw:{MASK}@db/gw'"),
        ("http://gw@host/ is http://a:b@host/", f"http://gw@host/ is http://a:{MASK}@host/"),
        ("redis://u/s:pw@h", f"redis://u/s:{MASK}@h"),
        ("http://orders:8000 answered a@b", "http://orders:8000 answered a@b"),
        ("https://example.com/@scope/name", "https://example.com/@scope/name"),
        ("no url: at@all", "no url: at@all"),
    ],
)
def test_the_password_of_a_url_is_masked_whatever_is_in_it(text: str, shown: str) -> None:
    assert without_passwords(text) == shown


@given(PASSWORD, st.sampled_from(["redis://:{}@h/0", "x postgresql://u:{}@h, y", '{{"url": "amqp://a:{}@h"}}']))
def test_no_part_of_a_password_is_shown(password: str, text: str) -> None:
    assert password not in without_passwords(text.format(password)).replace(MASK, "")


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:6379/0",
        "redis://cache",
        "redis://:p%2Fw@cache:6379/0?protocol=3&ssl_ca_certs=/etc/ca.pem",
        "redis+sentinel://u:p@[::1]:26379,b/master/0",
        "postgresql://u:p@ss@/db?host=/run/postgresql",
        "postgresql://u@[fe80::1%25eth0]:5432/db",
        "postgresql:///db",
    ],
)
def test_a_url_of_a_server_is_read(url: str) -> None:
    assert fault_of_url(url) == ""


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("redis://:part/of@cache:6379/0", "part"),
        ("redis://:12/34@cache", "12"),
        ("redis://:part?of@cache", "part"),
        ("redis://u:part#of@cache", "part"),
        ("redis://:part", "part"),
        ("redis://cache:part/0", "part"),
        ("redis://[part/0", "part"),
        ("redis://a:1,b:part/master", "part"),
    ],
)
def test_a_url_with_two_readings_is_refused_without_a_word_of_it(url: str, part: str) -> None:
    fault = fault_of_url(url)
    assert fault
    assert part not in fault
