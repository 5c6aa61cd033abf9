"""The one real clock; whoever needs the time is handed it."""

from __future__ import annotations

import time
from collections.abc import Callable

wall_clock: Callable[[], float] = time.time  # noqa: TID251 - this is the place that the ban names
"""The time in epoch seconds."""
