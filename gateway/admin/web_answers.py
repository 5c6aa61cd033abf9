"""Answers and refusals of the admin port, in aiohttp's terms."""

from __future__ import annotations

from aiohttp import web
from multidict import CIMultiDict

from gateway.model.decision import Response
from gateway.model.refusal import Refusal


class CallRefusedError(Exception):
    """A call is refused; the refusal's detail goes into the audit log, and never to the caller."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


def to_web(response: Response) -> web.Response:
    """Return an answer of ours as aiohttp sends it."""
    fields = CIMultiDict((name.decode("ascii"), value.decode("latin-1")) for name, value in response.fields)
    return web.Response(status=response.status, body=response.body, headers=fields)
