"""`Idempotency-Key`: the same creation under the same name is done once, and answered alike each time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from hashlib import blake2b
from http import HTTPStatus
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from gateway.admin.api_operation import ApiRequest
from gateway.admin.problems import ProblemError
from gateway.credentials.fingerprint import framed
from gateway.directory.named_calls import NamedCall, NamedCalls
from gateway.directory.operations.context import OperationContext
from gateway.model.errors import ClashError
from gateway.sessions.sealing import Sealer

_FORM = b"\x03"
"""The kind of what is sealed: an answer of the API, which opens as nothing else."""

_LOOKS, _PAUSE, _WAITED = 40, 0.05, timedelta(seconds=2)
"""For two seconds a call waits for the answer of the same one in another process, which is about to write it."""

Create = Callable[[OperationContext, Any], Awaitable[Any]]


class Once:
    """Runs creations that their caller has named.

    An answer may hold a key's secret or a session's tokens, so it is stored sealed under the server's secrets and the
    caller's own name for it: neither the database nor a secret alone shows it.
    """

    def __init__(self, server_secrets: Sequence[bytes]) -> None:
        self._sealer = Sealer(server_secrets)
        self._positions = range(len(server_secrets))
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def run(
        self, calls: NamedCalls, context: OperationContext, request: ApiRequest, create: Create, answer: Any
    ) -> Any:
        """Return what `create` returned, now or the first time; `answer` is its type.

        Raises ProblemError for another body under the same name, and for a call whose answer was lost in a crash.
        """
        key = request.idempotency_key or ""
        subject = request.caller.session.subject if request.caller.session is not None else ""
        name = blake2b(framed((subject, create.__qualname__, request.id, key)), digest_size=32).digest()
        digest = blake2b(msgspec.json.encode(request.body), digest_size=16).hexdigest()
        lock = self._locks.setdefault(name.hex(), asyncio.Lock())
        async with lock:
            for _ in range(_LOOKS):
                found = await calls.find(name.hex(), request.now)
                if found is None:
                    named = calls.naming(name.hex(), digest, request.now)
                    try:
                        made = await create(msgspec.structs.replace(context, directory=named), request.body)
                    except ClashError:
                        if await calls.find(name.hex(), request.now) is None:
                            raise
                        continue  # another process was first, and its answer is this call's too
                    await calls.keep(name.hex(), self._sealer.seal((key,), name, msgspec.json.encode(made), _FORM))
                    return made
                is_under_way = found.answer is None and request.now - found.at < _WAITED
                if not is_under_way or found.digest != digest:
                    return self._again(found, name, key, digest, answer)
                await asyncio.sleep(_PAUSE)
        raise _lost()

    def _again(self, found: NamedCall, name: bytes, key: str, digest: str, answer: Any) -> Any:
        if found.digest != digest:
            detail = "This Idempotency-Key was used for another body."
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "another_body", detail)
        for position in self._positions:
            opened = self._sealer.open(position, (key,), name, found.answer or b"", _FORM)
            if opened is not None:
                return msgspec.json.decode(opened, type=answer)
        raise _lost()


def _lost() -> ProblemError:
    detail = "This was done, and its answer was lost: look for what was made, or take another Idempotency-Key."
    return ProblemError(HTTPStatus.CONFLICT, "answer_lost", detail)
