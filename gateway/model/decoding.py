"""Bytes that others wrote: answers of authorities, what lies in Redis, messages, tokens, bodies of requests."""

from __future__ import annotations

import msgspec

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Whatever msgspec raises for bytes that are not what was asked for.

Its own error is not all of it: text that is no UTF-8 and values nested a thousand deep come as Python's errors. Who
forgets those lets anybody who writes the bytes choose between a refusal and a fault.
"""
