"""What only the garbage collector would free: circles, which under load are a pause for every caller."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_OURS = ("gateway.http1", "httptools")


@contextmanager
def no_garbage() -> Iterator[None]:
    """Fail where the block leaves objects of the readers or of their parser to the collector; others' do not count."""
    gc.collect()
    gc.collect()  # what the first one's finalizers let go of
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield
        gc.collect()
        modules = [str(getattr(each, "__module__", "")) or type(each).__module__ for each in gc.garbage]
        assert [name for name in modules if name.startswith(_OURS)] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
