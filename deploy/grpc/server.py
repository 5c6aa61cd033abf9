"""A server of gRPC that answers with what it was told of its caller: `python server.py PORT`.

Messages are JSON in bytes instead of Protocol Buffers, so that nothing has to be generated; how they travel is the same.
"""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc


def _told(context: grpc.ServicerContext) -> bytes:
    return json.dumps({key: value for key, value in context.invocation_metadata() if isinstance(value, str)}).encode()


def who(_request: bytes, context: grpc.ServicerContext) -> bytes:
    """Answer one message with the call's metadata: the identity headers are among it."""
    return _told(context)


def count(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    """Answer one message, a number, with as many, and then a trailer."""
    for number in range(int(request)):
        yield str(number).encode()
    context.set_trailing_metadata((("x-counted", request.decode()),))


def echo(requests: Iterator[bytes], _context: grpc.ServicerContext) -> Iterator[bytes]:
    """Answer each message of a stream with itself, while more are coming."""
    yield from requests


def fail(_request: bytes, context: grpc.ServicerContext) -> bytes:
    """End the call with a status of the application's own."""
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the application says no")
    raise AssertionError  # `abort` has raised


def served(address: str) -> tuple[grpc.Server, int]:
    """Start a server; return it and the port that it listens at."""
    handlers = {
        "Who": grpc.unary_unary_rpc_method_handler(who),
        "Count": grpc.unary_stream_rpc_method_handler(count),
        "Echo": grpc.stream_stream_rpc_method_handler(echo),
        "Fail": grpc.unary_unary_rpc_method_handler(fail),
    }
    health = {"Check": grpc.unary_unary_rpc_method_handler(lambda _request, _context: b"\x08\x01")}  # SERVING
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler("example.Caller", handlers),
            grpc.method_handlers_generic_handler("grpc.health.v1.Health", health),
        )
    )
    port = server.add_insecure_port(address)
    server.start()
    return server, port


if __name__ == "__main__":
    served(f"[::]:{sys.argv[1]}")[0].wait_for_termination()
