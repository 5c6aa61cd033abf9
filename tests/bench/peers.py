"""The other gateways, as they stand in this bench: plain, or asking a service about every request (`auth`, its port).

The service answers 200 and names a user, whom the proxy tells the upstream of: the least that authentication can be.
Each may keep its connections to both, and has one thread to compute with, as a worker of ours has.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.bench.processes import NGINX, Subject, find, free_port, nginx, running, written

_AUTH_SERVICE = (
    NGINX
    + """server {{ listen 127.0.0.1:{port} backlog=4096;
  location / {{ add_header X-User-Id 550e8400-e29b-41d4-a716-446655440002; return 200; }} }} }}"""
)
_KEPT = "keepalive 64; keepalive_requests 100000000;"
_NGINX_ASKING = (
    NGINX
    + f"upstream kept {{{{ server 127.0.0.1:{{upstream}}; {_KEPT} }}}}\n"
    + f"upstream auth {{{{ server 127.0.0.1:{{auth}}; {_KEPT} }}}}\n"
    + """server {{ listen 127.0.0.1:{port} backlog=4096;
  proxy_http_version 1.1; proxy_set_header Connection "";
  location / {{ auth_request /auth; auth_request_set $user $upstream_http_x_user_id;
    proxy_set_header Connection ""; proxy_set_header X-User-Id $user; proxy_pass http://kept; }}
  location = /auth {{ internal; proxy_pass_request_body off;
    proxy_set_header Connection ""; proxy_set_header Content-Length ""; proxy_pass http://auth; }} }} }}"""
)
_NGINX_ASKING_GATEWAY = (
    NGINX
    + f"upstream kept {{{{ server 127.0.0.1:{{upstream}}; {_KEPT} }}}}\n"
    + f"upstream auth {{{{ server 127.0.0.1:{{auth}}; {_KEPT.replace('64', '128')} }}}}\n"
    + """server {{ listen 127.0.0.1:{port} backlog=4096;
  proxy_http_version 1.1;
  location / {{ auth_request /auth; auth_request_set $user $upstream_http_x_user_id;
    proxy_set_header Connection ""; proxy_set_header X-User-Id $user; proxy_pass http://kept; }}
  location = /auth {{ internal; proxy_pass_request_body off;
    proxy_set_header Connection ""; proxy_set_header Content-Length "";
    proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
    proxy_set_header X-Original-Method $request_method; proxy_set_header X-Forwarded-For $remote_addr;
    proxy_pass http://auth/_gateway/auth/nginx; }} }} }}"""
)
_CADDY = """{{
 admin off
 auto_https off
}}
:{port} {{
 bind 127.0.0.1
 {asking}
 reverse_proxy 127.0.0.1:{upstream} {{
  transport http {{
   keepalive_idle_conns_per_host 64
  }}
 }}
}}
"""
_CADDY_ASKING = """forward_auth 127.0.0.1:{auth} {{
  uri /
  copy_headers X-User-Id
  transport http {{
   keepalive_idle_conns_per_host 64
  }}
 }}"""
_TRAEFIK_STATIC = (
    "entryPoints: {{web: {{address: '127.0.0.1:{port}'}}}}\nproviders: {{file: {{filename: '{folder}/routes.yaml'}}}}\n"
    "global: {{checkNewVersion: false, sendAnonymousUsage: false}}\nlog: {{level: ERROR}}\n"
)
_TRAEFIK_ROUTES = (
    "http:\n  routers: {{all: {{rule: 'PathPrefix(`/`)', service: up{asking}}}}}\n{middlewares}"
    "  services: {{up: {{loadBalancer: {{servers: [{{url: 'http://127.0.0.1:{upstream}'}}]}}}}}}\n"
)
_TRAEFIK_ASKING = """  middlewares:
    who: {{forwardAuth: {{address: 'http://127.0.0.1:{auth}/', authResponseHeaders: [X-User-Id]}}}}
"""
ENVOY = """static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          route_config:
            virtual_hosts: [{{name: all, domains: ["*"], routes: [{{match: {{prefix: /}}, route: {{cluster: up}}}}]}}]
          http_filters:
{asking}
          - name: router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
  clusters:
{clusters}
"""
ENVOY_CLUSTER = """  - name: {name}
    load_assignment:
      cluster_name: {name}
      endpoints:
      - lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}}}]"""
_ENVOY_ASKING = """
          - name: who
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              transport_api_version: V3
              allowed_headers: {{patterns: [{{exact: x-api-key}}]}}
              http_service:
                server_uri: {{uri: "http://127.0.0.1:{auth}", cluster: auth, timeout: 5s}}
                authorization_response: {{allowed_upstream_headers: {{patterns: [{{exact: x-user-id}}]}}}}"""


@contextlib.contextmanager
def auth_service(folder: Path) -> Iterator[Subject]:
    """nginx, answering every question with 200: no authority can cost less."""
    with nginx("the auth service", _AUTH_SERVICE, folder) as found:
        yield found


@contextlib.contextmanager
def nginx_asking(folder: Path, upstream: int, auth: int) -> Iterator[Subject]:
    """nginx with `auth_request`, tuned to keep its connections."""
    with nginx("nginx, auth_request", _NGINX_ASKING, folder, upstream=upstream, auth=auth) as found:
        yield found


@contextlib.contextmanager
def nginx_asking_gateway(folder: Path, upstream: int, auth: int) -> Iterator[Subject]:
    """nginx with `auth_request`, asking as this gateway's forward-auth endpoint wants it."""
    with nginx("nginx, auth_request", _NGINX_ASKING_GATEWAY, folder, upstream=upstream, auth=auth) as found:
        yield found


@contextlib.contextmanager
def caddy(folder: Path, upstream: int, auth: int = 0) -> Iterator[Subject]:
    port = free_port()
    asking = _CADDY_ASKING.format(auth=auth) if auth else ""
    config = written(folder, "Caddyfile", _CADDY, port=port, upstream=upstream, asking=asking)
    command = [find("caddy") or "", "run", "--adapter", "caddyfile", "--config", str(config)]
    name = "Caddy, forward_auth" if auth else "Caddy, plain"
    with running(name, command, port, env={"GOMAXPROCS": "1", "HOME": str(folder)}) as found:
        yield found


@contextlib.contextmanager
def traefik(folder: Path, upstream: int, auth: int = 0) -> Iterator[Subject]:
    port = free_port()
    asking = {
        "asking": ", middlewares: [who]" if auth else "",
        "middlewares": _TRAEFIK_ASKING.format(auth=auth) if auth else "",
    }
    written(folder, "routes.yaml", _TRAEFIK_ROUTES, upstream=upstream, **asking)
    config = written(folder, "traefik.yaml", _TRAEFIK_STATIC, port=port)
    name = "Traefik, ForwardAuth" if auth else "Traefik, plain"
    with running(name, [find("traefik") or "", f"--configFile={config}"], port, env={"GOMAXPROCS": "1"}) as found:
        yield found


@contextlib.contextmanager
def envoy(folder: Path, upstream: int, auth: int = 0) -> Iterator[Subject]:
    port = free_port()
    clusters = [ENVOY_CLUSTER.format(name=name, port=to) for name, to in (("up", upstream), ("auth", auth)) if to]
    asking = _ENVOY_ASKING.format(auth=auth) if auth else ""
    config = written(folder, "envoy.yaml", ENVOY, port=port, asking=asking, clusters="\n".join(clusters))
    base_id = ["--base-id", str(port)]  # two Envoys of one id share their memory
    command = [find("envoy") or "", "-c", str(config), "--concurrency", "1", "-l", "error", *base_id]
    with running("Envoy, ext_authz" if auth else "Envoy, plain", command, port) as found:
        yield found


PEERS = {"envoy": envoy, "traefik": traefik, "caddy": caddy}
"""By the name of the program, which may be installed."""
