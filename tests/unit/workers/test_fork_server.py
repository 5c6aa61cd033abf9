"""Forking is tried in processes of its own: a test's own process is not one to make copies of."""

import json
import os
import signal
import subprocess
import sys
from typing import Any

from tests.support.clients.commands import ENVIRONMENT, ROOT
from tests.support.gateways.running import is_running

HEAD = """
import json, os, signal, socket
from gateway.workers.fork_server import open_fork_server

def be_worker(control):
    control.sendall(str(os.getpid()).encode())
    told = control.recv(100)
    if told == b"fail":
        raise RuntimeError("what a worker says when it fails")
    return int(told) if told else 7

def hired(nursery):
    control = nursery.fork()
    born = nursery.news()
    assert (type(born).__name__, born.pid) == ("Forked", int(control.recv(100)))
    return control, born.pid

nursery = open_fork_server(be_worker)
"""


def run(script: str) -> tuple[Any, str]:
    """Run a script behind HEAD; return what it printed as JSON, and what was said on standard error."""
    ended = subprocess.run(
        [sys.executable, "-c", HEAD + script],
        cwd=ROOT,
        env={**ENVIRONMENT, "PYTHONWARNINGS": "ignore::ResourceWarning"},  # scripts that end leave sockets open
        capture_output=True,
        text=True,
        timeout=30.0,
        check=True,
    )
    return json.loads(ended.stdout), ended.stderr


def test_workers_are_made_one_by_one_and_their_end_is_told() -> None:
    (pids, news), errors = run("""
first, one = hired(nursery)
second, other = hired(nursery)
first.sendall(b"3")
news = [nursery.news()]
os.kill(other, signal.SIGKILL)
news.append(nursery.news())
print(json.dumps([[one, other], [[each.pid, each.code, each.signal] for each in news]]))
""")
    assert news == [[pids[0], 3, 0], [pids[1], 0, signal.SIGKILL]]
    assert errors == ""


def test_the_birth_of_one_that_ends_at_once_is_told_before_its_end() -> None:
    names, _ = run("""
def at_once(control):
    return 3

brief, names = open_fork_server(at_once), []
controls = [brief.fork() for _ in range(20)]
for _ in range(40):
    names.append(brief.news())
alive, told = set(), []
for each in names:
    if type(each).__name__ == "Forked":
        alive.add(each.pid)
    else:
        told.append(each.pid in alive and each.code == 3)
        alive.discard(each.pid)
print(json.dumps([told, list(alive)]))
""")
    assert names == [[True] * 20, []]


def test_a_worker_that_fails_says_why_and_ends_with_1() -> None:
    (code, killed), errors = run("""
control, _ = hired(nursery)
control.sendall(b"fail")
told = nursery.news()
print(json.dumps([told.code, told.signal]))
""")
    assert (code, killed) == (1, 0)
    assert errors.rstrip().endswith("RuntimeError: what a worker says when it fails")


def test_a_worker_sees_that_whoever_had_it_made_has_gone() -> None:
    """No other process holds the supervisor's end: not the nursery, and not the workers that were made before."""
    (code, other), _ = run("""
first, _ = hired(nursery)
second, _ = hired(nursery)
first.close()
code = nursery.news().code
second.sendall(b"5")
print(json.dumps([code, nursery.news().code]))
""")
    assert (code, other) == (7, 5)


def test_signals_for_the_supervisor_are_left_to_it() -> None:
    alive, _ = run("""
control, pid = hired(nursery)
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR2):
    os.kill(pid, number)
    with open(f"/proc/{pid}/stat") as file:
        parent = int(file.read().rpartition(")")[2].split()[1])
    os.kill(parent, number)
    os.kill(parent, signal.SIGTERM)
control.sendall(b"0")
print(json.dumps(nursery.news().pid == pid))
""")
    assert alive is True


def test_when_the_supervisor_ends_the_nursery_ends_and_workers_are_not_touched() -> None:
    nursery, _ = run("""
control, pid = hired(nursery)
with open(f"/proc/{pid}/stat") as file:
    parent = int(file.read().rpartition(")")[2].split()[1])
nursery.close()
while True:
    try:
        control.sendall(b"")
        os.kill(pid, 0)
        with open(f"/proc/{parent}/stat") as file:
            if file.read().rpartition(")")[2].split()[0] == "Z":
                break
    except FileNotFoundError:
        break
os.kill(pid, 0)
control.sendall(b"0")
print(json.dumps(parent))
""")
    assert nursery != os.getpid()
    assert not is_running(nursery)


def test_a_nursery_that_has_gone_is_told() -> None:
    (news, forked), _ = run("""
control, pid = hired(nursery)
with open(f"/proc/{pid}/stat") as file:
    parent = int(file.read().rpartition(")")[2].split()[1])
os.kill(parent, signal.SIGKILL)
news = nursery.news()
try:
    nursery.fork()
    forked = True
except OSError:
    forked = False
print(json.dumps([news, forked]))
""")
    assert (news, forked) == (None, False)
