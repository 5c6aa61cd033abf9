from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.model.route import UpstreamAddress
from gateway.source.addresses import (
    HostName,
    Listen,
    ListenAddress,
    ListenList,
    ListenPlace,
    LoginUrl,
    Origin,
    PassedSocket,
    SocketFile,
    UpstreamList,
    are_one_place,
    is_loopback,
    parse_listen,
    parse_upstream,
)
from gateway.source.values import SettingsModel


class Places(SettingsModel):
    at: Listen = ListenAddress("127.0.0.1", 1)
    to: UpstreamList = ()
    public: ListenList = ()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0.0.0.0:8080", ListenAddress("0.0.0.0", 8080)),  # noqa: S104 - what is parsed, nothing listens
        ("[::]:0", ListenAddress("::", 0)),
        ("[::0001]:80", ListenAddress("::1", 80)),
        ("localhost:65535", ListenAddress("localhost", 65535)),
        ("unix:/run/gateway.sock", SocketFile("/run/gateway.sock")),
        ("systemd:public", PassedSocket("public")),
        ("systemd:80", ListenAddress("systemd", 80)),
    ],
)
def test_an_address_to_listen_at_is_host_and_port_or_a_file(text: str, address: ListenPlace) -> None:
    assert parse_listen(text) == address
    assert parse_listen(str(address)) == address


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("0.0.0.0:80", "127.0.0.1:80", True),
        ("0.0.0.0:80", "gateway:80", True),
        ("0.0.0.0:80", "[::]:80", False),
        ("0.0.0.0:80", "[::1]:80", False),
        ("0.0.0.0:80", "0.0.0.0:81", False),
        ("[::]:80", "127.0.0.1:80", True),
        ("[::]:80", "[::1]:80", True),
        ("[::]:0", "[::]:0", False),
        ("127.0.0.1:80", "127.0.0.2:80", False),
        ("127.0.0.1:80", "localhost:80", True),
        ("[::1]:80", "LOCALHOST:80", True),
        ("gateway:80", "Gateway:80", True),
        ("unix:/a", "unix:/a", True),
        ("unix:/a", "unix:/b", False),
        ("unix:/a", "127.0.0.1:80", False),
        ("systemd:a", "systemd:a", True),
        ("systemd:a", "systemd:b", False),
        ("systemd:a", "unix:/a", False),
    ],
)
def test_two_places_are_one_where_both_would_take_a_connection(one: str, other: str, same: bool) -> None:
    assert are_one_place(parse_listen(one), parse_listen(other)) is same
    assert are_one_place(parse_listen(other), parse_listen(one)) is same


def test_a_socket_of_systemd_has_a_name_and_is_the_public_ports_alone() -> None:
    for text in ("systemd:", "systemd:a b", "systemd:a:b", "systemd:../a"):
        with pytest.raises(ValueError, match="FileDescriptorName"):
            parse_listen(text)
    with pytest.raises(ValidationError, match=r"only listen\.public"):
        Places.model_validate({"at": "systemd:public"})
    places = Places.model_validate({"public": ["systemd:public", "unix:/a"]}).public
    assert places == (PassedSocket("public"), SocketFile("/a"))
    with pytest.raises(ValidationError):
        Places.model_validate({"public": []})


@pytest.mark.parametrize("text", ["8080", ":8080", "host", "host:65536", "::1:80", "[::1", "[zz]:80", "a b:80", "h:٣"])
def test_what_is_no_address_to_listen_at_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        parse_listen(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://orders:8000", UpstreamAddress("http", "orders", 8000)),
        ("http://orders", UpstreamAddress("http", "orders", 80)),
        ("https://Orders.Example.COM/", UpstreamAddress("https", "orders.example.com", 443)),
        ("http://[2001:DB8::1]:81", UpstreamAddress("http", "2001:db8::1", 81)),
        ("unix:/run/orders.sock", UpstreamAddress("unix", "/run/orders.sock", 0)),
        ("http://orders/app", UpstreamAddress("http", "orders", 80, "/app")),
        ("http://orders:8000/App/v1/", UpstreamAddress("http", "orders", 8000, "/App/v1")),
        ("http://[::1]/%C3%A9", UpstreamAddress("http", "::1", 80, "/%C3%A9")),
    ],
)
def test_an_upstream_is_scheme_host_port_and_base_path(text: str, address: UpstreamAddress) -> None:
    assert parse_upstream(text) == address
    assert parse_upstream(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "orders:8000",
        "ftp://orders",
        "http://",
        "http://orders?q",
        "http://orders#f",
        "http://user:pass@orders",
        "http://orders:0",
        "http://orders:65536",
        "http://or ders",
        "http://[::1",
        "http://[zz]",
    ],
)
def test_what_says_more_than_an_upstream_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="scheme, host, port and base path alone"):
        parse_upstream(text)


@pytest.mark.parametrize(
    "path",
    ["/a/../b", "//", "/a//b", "/a;b", "/%2e%2e", "/a%", "/a\\b", "/a b", "/\xe9", "/%61", "/a\n", "/%5c", "/%2f"],
)
def test_a_base_path_has_one_reading_and_is_sent_as_it_stands(path: str) -> None:
    with pytest.raises(ValueError, match="base path"):
        parse_upstream(f"http://orders{path}")


@pytest.mark.parametrize(
    "text",
    ["unix:", "unix:orders.sock", "unix://orders.sock", "unix:/" + "a" * 107, "unix:/a\0b", "unix:/a/../b", "unix:/a/"],
)
def test_a_socket_file_is_named_by_its_whole_path(text: str) -> None:
    for parse in (parse_upstream, parse_listen):
        with pytest.raises(ValueError, match="socket file"):
            parse(text)


def test_settings_take_one_upstream_or_a_list() -> None:
    one, two = UpstreamAddress("http", "a", 80), UpstreamAddress("http", "b", 80)
    assert Places.model_validate({"to": "http://a"}).to == (one,)
    assert Places.model_validate({"to": ["http://a", two]}).to == (one, two)
    assert Places.model_validate({"at": "localhost:1"}).at == ListenAddress("localhost", 1)


@pytest.mark.parametrize("data", [{"to": 7}, {"at": 7}, {"to": {"url": "http://a"}}])
def test_settings_refuse_other_shapes(data: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Places.model_validate(data)


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("LOCALHOST.", True),
        ("db.localhost", True),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("0.0.0.0", False),  # noqa: S104 - what is judged, nothing listens
    ],
)
def test_loopback_is_this_machine_alone(host: str, answer: bool) -> None:
    assert is_loopback(host) is answer


ORIGIN = TypeAdapter(Origin)
HOST = TypeAdapter(HostName)


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("https://app.example.com", "https://app.example.com"),
        ("https://App.Example.com:443", "https://app.example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
    ],
)
def test_an_origin_is_spelled_as_browsers_do(written: str, spelled: str) -> None:
    assert ORIGIN.validate_python(written) == spelled


@pytest.mark.parametrize(
    "written", ["*", "null", "app.example.com", "https://a/b", "https://", "ftp://a", "https://*.a"]
)
def test_what_no_browser_sends_is_no_origin(written: str) -> None:
    with pytest.raises(ValidationError):
        ORIGIN.validate_python(written)


def test_a_host_is_spelled_as_hosts_are_matched() -> None:
    assert HOST.validate_python("API.example.com.") == "api.example.com"


@pytest.mark.parametrize("written", ["", "api.example.com:8080", "*.example.com", "a/b", "http://a"])
def test_what_no_request_can_be_for_is_no_host(written: str) -> None:
    with pytest.raises(ValidationError):
        HOST.validate_python(written)


@pytest.mark.parametrize(
    "text",
    [
        "https://login.example.com/?next={url}",
        "https://login.example.com?next={url}",
        "https://login.example.com:8443/a/#/in?next={url}&a={url}",
        "http://[::1]:80/login",
        "/login?next={url}",
    ],
)
def test_a_login_is_a_url_with_the_page_in_its_query(text: str) -> None:
    assert TypeAdapter(LoginUrl).validate_python(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "login",
        "//evil.example/?next={url}",
        "/\\evil.example",
        "https://{url}",
        "https://login.example.com/{url}",
        "https://login.example.com/?next={uri}",
        "https://login.example.com/?next={url",
        "https://login.example.com/?next={{url}}",
        "https://login.example.com@evil.example/",
        "https://a:b@login.example.com/",
        "https://login.example.com:99999/",
        "https://login example.com/",
        "https://login.example.com/ü",
        "https://login.example.com/?a\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "ftp://login.example.com/",
    ],
)
def test_what_is_no_login_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(LoginUrl).validate_python(text)
