"""Print what a small GET costs by how its caller shows who it is, and what it costs another proxy to ask about it.

Run by `make bench`. Beside nginx with its upstream kept alive, as all of this: one caller by each kind of credential,
1,000 callers who take turns on the same connections, as they do behind another proxy, and nginx with `auth_request`,
which asks this gateway by the config's own forward-auth endpoint.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gateway.signing import KeyRing
from tests.bench import processes
from tests.bench.full import KEY, command, serving
from tests.bench.growth import cached
from tests.bench.load import SMALL_GET, Shape, costs, ratio, require_tools, table
from tests.bench.own_answers import PAIR
from tests.bench.peers import auth_service, nginx_asking_gateway
from tests.bench.processes import Subject
from tests.bench.tokens import issuer

_CONFIG = """
listen: {{public: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}"}}
secret: bench-secret-bench-secret-bench-secret
cache: {{fresh: 1h}}
authorities:
  accounts:
    kind: directory
    url: "sqlite:///{folder}/directory.db"
    pepper: bench-pepper-bench-pepper-bench
    tokens: {{issuer: "http://bench", audience: gateway, keys_file: "{folder}/keys.pem"}}
credentials:
  key: {{kind: api_key, header: x-api-key, type: project, authority: accounts}}
  token: {{kind: bearer, authority: accounts}}
  cookie: {{kind: cookie, name: __session, authority: accounts}}
  pair: {{kind: token_pair, user_header: x-user-id, token_header: x-auth-token, authority: accounts}}
forward_auth: {{nginx: {{peers: [127.0.0.1/32]}}}}
telemetry: {{access_log: false}}
routes:
  - {{name: all, match: {{path: /}}, upstream: "http://127.0.0.1:{upstream}"}}
"""
_SESSIONS = {"bearer": "123e4567-e89b-12d3-a456-426614174000", "cookie": "session_987654321"}
_CALLERS = 1000
_ASKED = {
    "X-Original-URL": "http://bench/small",
    "X-Original-Method": "GET",
    "X-Forwarded-For": "127.0.0.1",
}


def main(seconds: int = 4, rounds: int = 3) -> None:
    """Measure and print."""
    require_tools()
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        rows = list(_rows(stack, Path(name)))
        for _ in range(rounds):
            for row, subject, shape, payers in rows:
                taken.setdefault(row, []).append(sum(costs(subject, shape, seconds, payers)))
    least = taken[rows[0][0]]
    table("a small GET", ["microseconds of CPU"], [(row, [ratio(each, least)]) for row, each in taken.items()])


def _rows(stack: contextlib.ExitStack, folder: Path) -> Iterator[tuple[str, Subject, Shape, list[Subject]]]:
    upstream = stack.enter_context(processes.upstream(folder / "upstream")).port
    kept = stack.enter_context(processes.nginx_kept(folder / "kept", upstream))
    yield kept.name, kept, SMALL_GET, [kept]
    for way in ("API key", "cookie", "bearer", "token pair"):
        subject = stack.enter_context(_gateway(folder / way.replace(" ", "-"), upstream, way))
        yield f"this gateway, {way}", subject, SMALL_GET, [subject]
    by = stack.enter_context(issuer(folder / "issuer"))
    for callers, row in ((1, "this gateway, an issuer's token"), (_CALLERS, f"... {_CALLERS:,} callers in turn")):
        subject, shape = cached(stack, folder, upstream, by, callers)
        yield row, subject, shape, [subject]
    asked = stack.enter_context(_gateway(folder / "asked", upstream, "API key"))
    asked.headers = {**KEY, **_ASKED}
    yield "an answer to nginx, this gateway alone", asked, Shape("ask", "/_gateway/auth/nginx", 64), [asked]
    front = stack.enter_context(nginx_asking_gateway(folder / "front", upstream, asked.port))
    front.headers = KEY
    yield "nginx, auth_request to this gateway, both", front, SMALL_GET, [front, asked]
    service = stack.enter_context(auth_service(folder / "service"))
    beside = stack.enter_context(nginx_asking_gateway(folder / "beside", upstream, service.port))
    yield "nginx, auth_request to nginx, both", beside, SMALL_GET, [beside, service]


@contextlib.contextmanager
def _gateway(folder: Path, upstream: int, way: str) -> Iterator[Subject]:
    """Run a gateway whose requests show a credential in one of the ways."""
    folder.mkdir()
    (folder / "keys.pem").write_bytes(KeyRing.generate().to_pem())
    with serving(f"this gateway, {way}", folder, _CONFIG, with_directory=True, upstream=upstream) as found:
        found.headers = _shown(folder, way)
        yield found


def _shown(folder: Path, way: str) -> dict[str, str]:
    if way not in _SESSIONS:
        return KEY if way == "API key" else PAIR
    token = command(
        "directory", "token", "-c", f"{folder}/gateway.yaml", "--session", _SESSIONS[way], "--kind", way
    ).strip()
    return {"Cookie": f"__session={token}"} if way == "cookie" else {"Authorization": f"Bearer {token}"}


if __name__ == "__main__":
    main()
