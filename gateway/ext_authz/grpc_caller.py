"""Whoever asks on one connection of gRPC, as the endpoints know connections."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from gateway.http1.block_memory import BlockMemory, SharedBlocks
from gateway.http1.head_parser import RequestHead

CheckAnswer = bytes | Coroutine[Any, Any, bytes]
"""A CheckResponse, or what has to be awaited for it."""


class GrpcCaller:
    """A peer, and its way to the header blocks that the process remembers (`blocks`)."""

    scheme = "http"

    def __init__(self, peer: str, blocks: SharedBlocks[RequestHead]) -> None:
        self.peer = peer
        self.memory: BlockMemory[RequestHead] = BlockMemory(blocks)
        self.memory.scope = f"grpc {peer}"

    def abort(self) -> None:
        """Do nothing: no answer of ours is ever sent by halves."""
