"""Gateways that find out by themselves who calls: by a key that they hold in memory, or a token that they verify.

Each tells the upstream one thing, the user. None of them hears that a key or a token has been revoked.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from tests.bench.full import KEY
from tests.bench.peers import ENVOY, ENVOY_CLUSTER
from tests.bench.processes import NGINX, Subject, find, free_port, nginx, running, written
from tests.bench.tokens import ISSUER, Issuer

_USER = "550e8400-e29b-41d4-a716-446655440002"
_MODULES = Path("/usr/lib/nginx/modules")
_NGINX_LUA = (
    f"load_module {_MODULES}/ndk_http_module.so; load_module {_MODULES}/ngx_http_lua_module.so;\n"
    + NGINX
    + """lua_shared_dict keys 1m;
init_by_lua_block {{ ngx.shared.keys:set("{key}", "{user}") }}
upstream kept {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 100000000; }}
server {{ listen 127.0.0.1:{port} backlog=4096;
  location / {{
    access_by_lua_block {{
      local key = ngx.var.http_x_api_key
      local user = key and ngx.shared.keys:get(key)
      if not user then return ngx.exit(401) end
      ngx.req.set_header("X-User-Id", user)
    }}
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://kept; }} }} }}"""
)
_HAPROXY = """global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend in
  bind 127.0.0.1:{port} backlog 4096
  http-request set-var(txn.user) req.hdr(x-api-key),map_str({folder}/keys)
  http-request deny deny_status 401 unless {{ var(txn.user) -m found }}
  http-request set-header X-User-Id %[var(txn.user)]
  default_backend up
backend up
  server up 127.0.0.1:{upstream}
"""
_ENVOY_TOKEN = """
          - name: token
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication
              providers:
                bench:
                  issuer: {issuer}
                  audiences: [bench]
                  local_jwks: {{filename: {folder}/jwks}}
                  claim_to_headers: [{{header_name: x-user-id, claim_name: sub}}]
              rules: [{{match: {{prefix: /}}, requires: {{provider_name: bench}}}}]"""


def checking_peers(folder: Path, upstream: int, by: Issuer) -> Iterator[contextlib.AbstractContextManager[Subject]]:
    """Yield those whose programs are installed."""
    if (_MODULES / "ngx_http_lua_module.so").exists():
        yield _nginx_lua(folder / "lua", upstream)
    if find("haproxy") is not None:
        yield _haproxy(folder / "haproxy", upstream)
    if find("envoy") is not None:
        yield _envoy_jwt(folder / "envoy-jwt", upstream, by)
    if find("oauth2-proxy") is not None:
        yield _oauth2_proxy(folder / "oauth2-proxy", upstream, by)


@contextlib.contextmanager
def _nginx_lua(folder: Path, upstream: int) -> Iterator[Subject]:
    values = {"key": KEY["X-Api-Key"], "user": _USER, "upstream": upstream}
    with nginx("nginx with Lua: a key", _NGINX_LUA, folder, **values) as found:
        found.headers = KEY
        yield found


@contextlib.contextmanager
def _haproxy(folder: Path, upstream: int) -> Iterator[Subject]:
    port = free_port()
    config = written(folder, "haproxy.cfg", _HAPROXY, port=port, upstream=upstream)
    (folder / "keys").write_text(f"{KEY['X-Api-Key']} {_USER}\n")
    with running("HAProxy: a key", [find("haproxy") or "", "-db", "-f", str(config)], port) as found:
        found.headers = KEY
        yield found


@contextlib.contextmanager
def _envoy_jwt(folder: Path, upstream: int, by: Issuer) -> Iterator[Subject]:
    port = free_port()
    token = _ENVOY_TOKEN.format(issuer=ISSUER, folder=folder)
    clusters = ENVOY_CLUSTER.format(name="up", port=upstream)
    config = written(folder, "envoy.yaml", ENVOY, port=port, asking=token, clusters=clusters)
    (folder / "jwks").write_text(json.dumps(by.jwks))
    command = [find("envoy") or "", "-c", str(config), "--concurrency", "1", "-l", "error", "--base-id", str(port)]
    with running("Envoy, jwt_authn: a token", command, port) as found:
        found.headers = {"Authorization": f"Bearer {by.token(0)}"}
        yield found


@contextlib.contextmanager
def _oauth2_proxy(folder: Path, upstream: int, by: Issuer) -> Iterator[Subject]:
    folder.mkdir()
    port = free_port()
    options = {
        "http-address": f"127.0.0.1:{port}",
        "provider": "oidc",
        "skip-oidc-discovery": "true",
        "oidc-issuer-url": ISSUER,
        "oidc-jwks-url": f"http://127.0.0.1:{by.port}/jwks",
        "login-url": f"{ISSUER}/authorize",
        "redeem-url": f"{ISSUER}/token",
        "oidc-enabled-signing-alg": "EdDSA",
        "client-id": "bench",
        "client-secret": "bench",
        "cookie-secret": "bench-bench-bench-bench-bench-ab",
        "email-domain": "*",
        "skip-jwt-bearer-tokens": "true",
        "upstream": f"http://127.0.0.1:{upstream}",
        "request-logging": "false",
        "auth-logging": "false",
        "standard-logging": "false",
    }
    command = [find("oauth2-proxy") or "", *(f"--{name}={value}" for name, value in options.items())]
    with running("oauth2-proxy: a token", command, port, env={"GOMAXPROCS": "1"}) as found:
        found.headers = {"Authorization": f"Bearer {by.token(0)}"}
        yield found
