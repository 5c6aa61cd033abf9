"""Print what a small GET costs where somebody finds out who calls: by itself, as this gateway does, or by asking.

Run by `make bench`. The service that some ask answers everything with 200 and knows nobody, so it stands for the
cheapest authority there can be. The second column counts its CPU time too: with it, the work is done.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import processes
from tests.bench.checking_peers import checking_peers
from tests.bench.full import KEY, gateway
from tests.bench.load import SMALL_GET, costs, ratio, require_tools, table
from tests.bench.peers import PEERS, auth_service, nginx_asking
from tests.bench.processes import Subject, find
from tests.bench.tokens import issuer, token_gateway


def main(seconds: int = 4, rounds: int = 3) -> None:
    """Measure and print."""
    require_tools()
    proxy: dict[str, list[float]] = {}
    both: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        auth = stack.enter_context(auth_service(folder / "auth"))
        subjects = list(_subjects(stack, folder, auth.port))
        for _ in range(rounds):
            for subject in subjects:
                spent = costs(subject, SMALL_GET, seconds, [subject, auth])
                proxy.setdefault(subject.name, []).append(spent[0])
                both.setdefault(subject.name, []).append(sum(spent))
    least = proxy[subjects[0].name]
    rows = [(name, [ratio(proxy[name], least), ratio(both[name], least)]) for name in proxy]
    table("a small GET, authenticated", ["the proxy alone", "and its auth service"], rows)


def _subjects(stack: contextlib.ExitStack, folder: Path, auth: int) -> Iterator[Subject]:
    upstream = stack.enter_context(processes.upstream(folder / "upstream")).port
    yield stack.enter_context(processes.nginx_kept(folder / "kept", upstream))
    yield stack.enter_context(gateway(folder / "full", upstream, name="this gateway, API key, role"))
    by = stack.enter_context(issuer(folder / "issuer"))
    yield stack.enter_context(token_gateway("this gateway: a token, scope", folder / "tokens", upstream, by))
    for peer in checking_peers(folder, upstream, by):
        yield stack.enter_context(peer)
    asking = [stack.enter_context(nginx_asking(folder / "nginx", upstream, auth))]
    asking += [
        stack.enter_context(peer(folder / program, upstream, auth))
        for program, peer in PEERS.items()
        if find(program) is not None
    ]
    for subject in asking:
        subject.headers = KEY
        yield subject


if __name__ == "__main__":
    main()
