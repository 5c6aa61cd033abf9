"""What `gateway front` prints for several applications: each proxy sends a request where its route says."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from gateway.commands.front_config import front
from tests.support.clients.raw_http import exchange
from tests.support.gateways.proxy_stand import app, asked_port, raw
from tests.support.gateways.serving import PROJECT_KEY, Examples, config, serving
from tests.support.servers.ports import free_port
from tests.support.servers.proxies import KINDS, OVER_GRPC, running_proxy
from tests.support.servers.recording_upstream import recording_upstream

KEY = f"X-Team-Key: {PROJECT_KEY}"
READER = {"kind": "api_key", "header": "x-team-key", "type": "project", "authority": "accounts"}
CASES = (
    ("GET", "app.test", "/orders", "orders"),
    ("GET", "app.test", "/orders/1?a=/x", "orders"),
    ("POST", "app.test", "/orders/1", "orders"),
    ("DELETE", "app.test", "/orders/1", "rest"),
    ("GET", "app.test", "/ordersx", "rest"),
    ("GET", "app.test", "/%6frders/1", "orders"),
    ("GET", "shop.example.com", "/exact", "shop"),
    ("GET", "SHOP.example.com:8080", "/exact", "shop"),
    ("GET", "shop.example.com", "/exact/more", "rest"),
    ("GET", "a.shop.example.com", "/exact", "rest"),
    ("GET", "app.test", "/", "rest"),
)


@pytest.mark.parametrize("kind", KINDS)
async def test_each_request_goes_to_the_application_of_its_route(kind: str, examples: Examples, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        apps = {name: await stack.enter_async_context(recording_upstream(app)) for name in ("orders", "shop", "rest")}
        at = {name: f"http://127.0.0.1:{each.port}" for name, each in apps.items()}
        methods = ["GET", "POST"]
        routes = [
            {"name": "orders", "match": {"path": "/orders/", "methods": methods}, "upstream": at["orders"]},
            {"name": "shop", "match": {"host": "*.example.com", "path": "/exact"}, "upstream": at["shop"]},
            {"name": "public", "match": {"path": "/public/"}, "access": "public", "upstream": at["rest"]},
            {"name": "rest", "match": {"path": "/"}, "upstream": at["rest"]},
        ]
        proxy = kind.partition(" ")[0]
        settings = config(
            0,
            examples.settings(tmp_path),
            credentials={"key": READER},
            identity={"headers": {"user_id": "Remote-User", "auth_method": "X-By"}},
            forward_auth={proxy: {"peers": ["127.0.0.1/32"], "path": "/ask"}},
            listen={"public": "127.0.0.1:0", "admin": "127.0.0.1:0", "grpc": "127.0.0.1:0"},
            ext_authz={"peers": ["127.0.0.1/32"]},
            routes=routes,
        )
        gateway = await stack.enter_async_context(serving(settings, tmp_path))
        written = tmp_path / "gateway.yaml"
        YAML(typ="safe", pure=True).dump(settings, written)
        at = f"127.0.0.1:{asked_port(kind, gateway)}"
        text = front(written, proxy, at, asks_by_grpc=kind == OVER_GRPC).output + "\n"
        (name,) = [name for name in KINDS[kind].files if name != "traefik/traefik.yaml"]
        folder = tmp_path / "proxy"
        folder.mkdir()
        ready = raw("GET", "/public/", "app.test")
        port = await stack.enter_async_context(
            running_proxy(kind, folder, gateway.port, free_port(), ready, {name: text})
        )
        for each in apps.values():
            each.requests.clear()
        for method, host, target, expected in CASES:
            head = raw(method, target, host, KEY, "Remote-User: forged", "X-By: forged", "Connection: close")
            assert (await exchange(port, head)).status == 200, (method, host, target)
            came = {name: list(each.requests) for name, each in apps.items() if each.requests}
            assert list(came) == [expected], (method, host, target)
            ((request,),) = came.values()
            assert request.target.replace(b"%6f", b"o") == target.replace("%6f", "o").encode()  # Traefik decodes it
            assert request.one(b"X-By") == b"api_key"
            assert b"forged" not in request.raw
            assert request.all(b"X-Team-Key") == []
            apps[expected].requests.clear()
        assert (await exchange(port, raw("GET", "/", "app.test", "Connection: close"))).status == 401
        # judged by one of the two hosts, and sent on by the same
        for target, host in (
            ("http://shop.example.com/exact", "app.test"),
            ("http://app.test/exact", "shop.example.com"),
        ):
            await exchange(port, raw("GET", target, host, KEY, "Connection: close"))
            for name, each in apps.items():
                for request in each.requests:
                    named = b"shop" if (request.one(b"Host") or b"").startswith(b"shop") else b"rest"
                    assert name.encode() == named, (target, host)
                each.requests.clear()
