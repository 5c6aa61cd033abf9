"""Which event loop everything runs on, and how rarely the garbage collector looks at it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any

_YOUNG = 10_000
"""New objects that nobody has let go of before the collector looks for cycles among them: Python's 700 are less than
a hundred requests under way hold, and none of theirs are cycles. It was 7 percent of a request's cost."""


def run_loop(main: Coroutine[Any, Any, int]) -> int:
    """Run `main` on uvloop where it is installed, else on the standard loop; return its exit code."""
    _spare_collector()
    try:
        import uvloop  # noqa: PLC0415 - optional, and not there on every platform
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


def _spare_collector() -> None:
    """Let the collector pass over what was imported: it lives as long as the process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
