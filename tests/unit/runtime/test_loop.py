import subprocess
import sys

PROGRAM = """
import asyncio, gc, sys
from gateway.runtime.loop import run_loop

async def main():
    print(type(asyncio.get_running_loop()).__module__.split(".")[0], gc.get_freeze_count() > 0, gc.get_threshold()[0])
    return 7

sys.exit(run_loop(main()))
"""


def run(program: str) -> tuple[int, str]:
    """Run in a process of its own: what this does to the collector outlives it."""
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    return done.returncode, done.stdout.strip()


def test_everything_runs_on_uvloop_and_the_collector_passes_over_what_was_imported() -> None:
    assert run(PROGRAM) == (7, "uvloop True 10000")


def test_the_standard_loop_serves_where_uvloop_is_not() -> None:
    assert run("import sys\nsys.modules['uvloop'] = None\n" + PROGRAM) == (7, "asyncio True 10000")
