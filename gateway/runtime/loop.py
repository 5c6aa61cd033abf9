"""Which event loop everything runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


def run_loop(main: Coroutine[Any, Any, int]) -> int:
    """Run `main` on uvloop where it is installed, else on the standard loop; return its exit code."""
    try:
        import uvloop  # noqa: PLC0415 - optional, and not there on every platform
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)
