"""The aiohttp.web applications of the admin and health ports, and what every answer of theirs passes through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.admin.admin_call import call_of
from gateway.admin.application_bridge import SERVER
from gateway.admin.own_hosts import OwnHosts
from gateway.admin.problems import ProblemError, refused
from gateway.admin.web_answers import CallRefusedError, to_web
from gateway.endpoints.refusals import refusal_response
from gateway.model.decision import HeaderPairs
from gateway.model.refusal import Refusal, RefusalCode

API = "/v1/"
"""Where the API's paths begin."""

_log = structlog.get_logger(__name__)


def build_application(routes: Iterable[web.AbstractRouteDef], hosts: OwnHosts | None) -> web.Application:
    """Return an application of these routes, which is asked by the names of `hosts` alone, where they are given."""
    application = web.Application(middlewares=[_answer_all(hosts)])
    application.add_routes(routes)
    return application


def _answer_all(hosts: OwnHosts | None) -> Middleware:
    """Return what looks at each request before any handler does, and words whatever is raised."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await _answer(request, handler, hosts)
        except ProblemError as problem:
            response = problem.answer(call_of(request).request_id)
        except CallRefusedError as error:
            response = _refuse(request, error.refusal)
        except web.HTTPMethodNotAllowed as error:
            allowed = ", ".join(sorted(error.allowed_methods)).encode("ascii")
            response = _refuse(request, Refusal(RefusalCode.METHOD_NOT_ALLOWED), ((b"Allow", allowed),))
        except web.HTTPNotFound:
            response = _refuse(request, Refusal(RefusalCode.NOT_FOUND))
        except Exception:  # noqa: BLE001 - any fault is logged here, and answered in our own words
            _log.exception("request_failed", endpoint="admin", request_id=call_of(request).request_id)
            response = _refuse(request, Refusal(RefusalCode.INTERNAL))
        response.headers["Server"] = SERVER
        return response

    return answer


async def _answer(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]], hosts: OwnHosts | None
) -> web.StreamResponse:
    if hosts is not None and not all(hosts.include(host) for host in request.headers.getall("Host", ())):
        raise CallRefusedError(Refusal(RefusalCode.MISDIRECTED, "listen.admin_hosts"))
    if not _is_plain(request.raw_path.partition("?")[0]):
        raise web.HTTPNotFound  # aiohttp would read `/%72evoke` as `/revoke`
    return await handler(request)


def _is_plain(path: str) -> bool:
    """Tell whether a path is in its one spelling: only an id of the API, its third segment, may be encoded."""
    segments = path.split("/")
    return "%" not in path or (
        path.startswith(API) and not any("%" in segment for segment in segments[:3] + segments[4:])
    )


def _refuse(request: web.Request, refusal: Refusal, fields: HeaderPairs = ()) -> web.Response:
    """Refuse in the words of the API, or in those of every other path."""
    request_id = call_of(request).request_id
    if not request.raw_path.startswith(API):
        return to_web(refusal_response(refusal, request_id, fields))
    problem = refused(refusal)
    problem.fields.update({name.decode("ascii"): value.decode("latin-1") for name, value in fields})
    return problem.answer(request_id)
