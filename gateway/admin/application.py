"""The aiohttp.web applications of the admin and health ports, and what every answer of theirs passes through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.admin.admin_call import call_of
from gateway.admin.application_bridge import SERVER
from gateway.admin.own_hosts import OwnHosts
from gateway.admin.web_answers import CallRefusedError, to_web
from gateway.endpoints.refusals import method_not_allowed, refusal_response
from gateway.model.refusal import Refusal, RefusalCode

_log = structlog.get_logger(__name__)


def build_application(routes: Iterable[web.AbstractRouteDef], hosts: OwnHosts) -> web.Application:
    """Return an application of these routes, which is asked by the names of `hosts` alone."""
    application = web.Application(middlewares=[_answer_all(hosts)])
    application.add_routes(routes)
    return application


def _answer_all(hosts: OwnHosts) -> Middleware:
    """Return what looks at each request before any handler does, and words whatever is raised."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await _answer(request, handler, hosts)
        except CallRefusedError as refused:
            response = to_web(refusal_response(refused.refusal, call_of(request).request_id))
        except web.HTTPMethodNotAllowed as refused:
            response = to_web(method_not_allowed(sorted(refused.allowed_methods), call_of(request).request_id))
        except web.HTTPNotFound:
            response = to_web(refusal_response(Refusal(RefusalCode.NOT_FOUND), call_of(request).request_id))
        except Exception:  # noqa: BLE001 - any fault is logged here, and answered in our own words
            request_id = call_of(request).request_id
            _log.exception("request_failed", endpoint="admin", request_id=request_id)
            response = to_web(refusal_response(Refusal(RefusalCode.INTERNAL), request_id))
        response.headers["Server"] = SERVER
        return response

    return answer


async def _answer(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]], hosts: OwnHosts
) -> web.StreamResponse:
    if not all(hosts.include(host) for host in request.headers.getall("Host", ())):
        raise CallRefusedError(Refusal(RefusalCode.MISDIRECTED, "listen.admin_hosts"))
    if "%" in request.raw_path.partition("?")[0]:
        raise web.HTTPNotFound  # aiohttp would read `/%72evoke` as `/revoke`
    return await handler(request)
