"""Forking is tried in processes of its own: a test's own process is not one to make copies of."""

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from tests.support.clients.commands import ENVIRONMENT
from tests.support.gateways.running import is_running
from tests.support.repository import ROOT

pytestmark = pytest.mark.processes

HEAD = """
import json, os, signal, socket
from gateway.workers.fork_server import open_fork_server

def worker_main(control):
    control.sendall(str(os.getpid()).encode())
    data = control.recv(100)
    if data == b"fail":
        raise RuntimeError("the fault of a worker")
    return int(data) if data else 7

def forked(fork_server):
    control = fork_server.fork()
    event = fork_server.next_event()
    assert (type(event).__name__, event.pid) == ("Forked", int(control.recv(100)))
    return control, event.pid

fork_server = open_fork_server(worker_main)
"""


def run(script: str) -> tuple[Any, str]:
    """Run a script behind HEAD; return what it printed as JSON, and its standard error."""
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


def test_workers_are_forked_one_by_one_and_each_exit_is_an_event() -> None:
    (pids, exits), errors = run("""
first, one = forked(fork_server)
second, other = forked(fork_server)
first.sendall(b"3")
exits = [fork_server.next_event()]
os.kill(other, signal.SIGKILL)
exits.append(fork_server.next_event())
print(json.dumps([[one, other], [[each.pid, each.code, each.signal] for each in exits]]))
""")
    assert exits == [[pids[0], 3, 0], [pids[1], 0, signal.SIGKILL]]
    assert errors == ""


def test_a_worker_that_exits_at_once_is_forked_before_it_has_exited() -> None:
    (in_order, alive), _ = run("""
def exit_at_once(control):
    return 3

brief = open_fork_server(exit_at_once)
controls = [brief.fork() for _ in range(20)]
alive, in_order = set(), []
for event in [brief.next_event() for _ in range(40)]:
    if type(event).__name__ == "Forked":
        alive.add(event.pid)
    else:
        in_order.append(event.pid in alive and event.code == 3)
        alive.discard(event.pid)
print(json.dumps([in_order, list(alive)]))
""")
    assert in_order == [True] * 20
    assert alive == []


def test_a_worker_that_fails_prints_why_and_exits_with_1() -> None:
    (code, killed), errors = run("""
control, _ = forked(fork_server)
control.sendall(b"fail")
event = fork_server.next_event()
print(json.dumps([event.code, event.signal]))
""")
    assert (code, killed) == (1, 0)
    assert errors.rstrip().endswith("RuntimeError: the fault of a worker")


def test_a_worker_sees_that_its_supervisor_has_gone() -> None:
    """No other process holds the supervisor's end: not the fork server, and not the workers that were forked before."""
    (code, other), _ = run("""
first, _ = forked(fork_server)
second, _ = forked(fork_server)
first.close()
code = fork_server.next_event().code
second.sendall(b"5")
print(json.dumps([code, fork_server.next_event().code]))
""")
    assert (code, other) == (7, 5)


def test_signals_for_the_supervisor_are_left_to_it() -> None:
    alive, _ = run("""
control, pid = forked(fork_server)
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR2):
    os.kill(pid, number)
    with open(f"/proc/{pid}/stat") as file:
        parent = int(file.read().rpartition(")")[2].split()[1])
    os.kill(parent, number)
    os.kill(parent, signal.SIGTERM)
control.sendall(b"0")
print(json.dumps(fork_server.next_event().pid == pid))
""")
    assert alive is True


def test_when_the_supervisor_ends_the_fork_server_exits_and_workers_are_not_touched() -> None:
    fork_server, _ = run("""
control, pid = forked(fork_server)
with open(f"/proc/{pid}/stat") as file:
    parent = int(file.read().rpartition(")")[2].split()[1])
fork_server.close()
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
    assert fork_server != os.getpid()
    assert not is_running(fork_server)


def test_a_fork_server_that_has_gone_is_noticed() -> None:
    (event, can_fork), _ = run("""
control, pid = forked(fork_server)
with open(f"/proc/{pid}/stat") as file:
    parent = int(file.read().rpartition(")")[2].split()[1])
os.kill(parent, signal.SIGKILL)
event = fork_server.next_event()
try:
    fork_server.fork()
    can_fork = True
except OSError:
    can_fork = False
print(json.dumps([event, can_fork]))
""")
    assert (event, can_fork) == (None, False)
