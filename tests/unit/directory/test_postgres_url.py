from __future__ import annotations

from typing import Any

import pytest

from gateway.directory.postgres_url import parse_postgres_url


@pytest.mark.parametrize(
    ("url", "arguments"),
    [
        (
            "postgresql://gw:p@db.example.com/shop",
            {"host": ["db.example.com"], "port": [5432], "user": "gw", "password": "p", "database": "shop"},
        ),
        ("postgres://db:6432/shop", {"host": ["db"], "port": [6432], "database": "shop"}),
        (
            "postgresql://gw:p%2F%40%3A%25%23@db/shop",
            {"host": ["db"], "port": [5432], "user": "gw", "password": "p/@:%#", "database": "shop"},
        ),
        (
            "postgresql://gw:p@s:s+d@db/shop",
            {"host": ["db"], "port": [5432], "user": "gw", "password": "p@s:s+d", "database": "shop"},
        ),
        (
            "postgresql://a:5433,b,[::1]:5434/shop?target_session_attrs=read-write",
            {
                "host": ["a", "b", "::1"],
                "port": [5433, 5432, 5434],
                "database": "shop",
                "target_session_attrs": "read-write",
            },
        ),
        ("postgresql:///shop?host=a,b&port=1", {"host": ["a", "b"], "port": [1, 1], "database": "shop"}),
        ("postgresql:///shop?host=a:1&host=b:2", {"host": ["a", "b"], "port": [1, 2], "database": "shop"}),
        (
            "postgresql:///shop?host=/cloudsql/p:r:i&user=gw&password=x%2By",
            {"host": ["/cloudsql/p:r:i"], "port": [5432], "user": "gw", "password": "x+y", "database": "shop"},
        ),
        ("postgresql://%2Frun%2Fpostgresql/shop", {"host": ["/run/postgresql"], "port": [5432], "database": "shop"}),
        ("postgresql:///shop", {"database": "shop"}),
        ("postgresql:///?dbname=shop&port=6432", {"host": ["localhost"], "port": [6432], "database": "shop"}),
    ],
)
def test_a_url_is_read_as_every_client_of_postgresql_reads_it(url: str, arguments: dict[str, Any]) -> None:
    assert parse_postgres_url(url).arguments() == arguments


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("postgresql://gw:hunter2/x@db/shop", "has a password that is not percent-encoded"),
        ("postgresql://gw:hunter2@db:0/shop", "has a port that there is not: ports are 1 to 65535"),
        ("postgresql://gw:hunter2@a:1,b:65536/shop", "has a port that there is not"),
        ("postgresql://gw:hunter2@/shop?host=a&port=99999999999999999999", "has a port that there is not"),
        ("postgresql://gw:hunter2@a,b/shop?port=1,2,3", "names more or fewer ports than hosts"),
        ("postgresql://gw:hunter2@db/shop?user=a&user=b", "has a parameter twice: user"),
        ("postgresql://gw:hunter2@db/shop?spam=hunter2", "has a parameter that is not known here: spam"),
    ],
)
def test_what_no_client_can_use_is_refused_without_a_word_of_the_password(url: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault) as raised:
        parse_postgres_url(url)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql://gw:hunter2@db/shop", "the database shop at db:5432, as gw"),
        ("postgresql://a,[::1]:1/shop", "the database shop at a:5432 or [::1]:1"),
        ("postgresql://hunter2@db/shop", "the database shop at db:5432"),
        ("postgresql://gw:hunter2@/?host=/run/pg", "the user's own database at /run/pg, as gw"),
        ("postgresql:///shop", "the database shop at the host that the environment names"),
    ],
)
def test_it_is_named_by_host_database_and_user_and_by_no_password(url: str, name: str) -> None:
    parsed = parse_postgres_url(url)
    assert str(parsed) == name
    assert "hunter2" not in repr(parsed)
