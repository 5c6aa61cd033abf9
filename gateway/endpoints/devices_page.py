"""`/_gateway/devices`: the page on which a person sees where they are signed in, and signs out there.

It has forms and no script, so that it works in every browser and nothing foreign can run on it.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from html import escape
from urllib.parse import parse_qsl

from typing_extensions import override

from gateway.dialects.action import (
    Action,
    ActionCall,
    ActionReply,
    DialectActions,
    MalformedCallError,
    SessionOperations,
)
from gateway.dialects.dialect import Documented, InfoRequest, InfoResponse, retry_after_header
from gateway.dialects.own_sessions import OwnSession, own_session_list
from gateway.endpoints.own_paths import DEVICES
from gateway.endpoints.pages import page, page_fields, policy_of
from gateway.model.answers import Found, Verdict
from gateway.model.errors import MissingRecordError
from gateway.model.refusal import Refusal, RefusalCode, refusal_of
from gateway.model.session import Device

_FIELDS = page_fields(policy_of("'self'"))
"""Forms go to us alone."""

_SEE_OTHER = 303


class DevicesPage(DialectActions):
    """Shows the caller's sessions, and ends one or all others of them by a form."""

    name = "devices"

    def __init__(self) -> None:
        refused = {
            status: Documented(None, text)
            for status, text in ((400, "A wrong form"), (401, "Not signed in"), (403, "Sent by a foreign page"))
        }
        self.actions = (
            Action(
                method="GET",
                paths=(DEVICES,),
                run=_show,
                summary="The page of the caller's sessions",
                responses={200: Documented(None, "The page"), **refused},
            ),
            Action(
                method="POST",
                paths=(DEVICES,),
                run=_end,
                summary="The form of that page: `session`, or `others`",
                responses={303: Documented(None, "They are ended"), **refused},
            ),
        )

    @override
    def reject(self, verdict: Verdict | None, info_request: InfoRequest) -> InfoResponse:
        answer = verdict if not isinstance(verdict, Found) else None
        return self.refuse(refusal_of(answer), info_request)

    @override
    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        text = "You are not signed in." if refusal.code is RefusalCode.UNAUTHENTICATED else refusal.message
        content = f"<p>{escape(text)}</p><p><small>Request {escape(info_request.request_id)}</small></p>"
        headers = () if refusal.retry_after is None else retry_after_header(refusal.retry_after)
        return InfoResponse(refusal.status, page("Your devices", content), (*_FIELDS, *headers))


async def _show(call: ActionCall, operations: SessionOperations) -> ActionReply:
    listed = await own_session_list(call, operations)
    more = "<p>There are others, which were not in use for longer.</p>" if listed.more else ""
    others = "" if len(listed.sessions) == 1 else _form("others", "1", "Sign out everywhere else")
    content = f"<ul>{''.join(map(_item, listed.sessions))}</ul>{more}{others}"
    return ActionReply(InfoResponse(200, page("Your devices", content), _FIELDS))


async def _end(call: ActionCall, operations: SessionOperations) -> ActionReply:
    """End what the form names, and show the page again; what is over already is over."""
    try:
        form = dict(parse_qsl(call.body.decode("ascii"), max_num_fields=2))
    except ValueError:
        raise MalformedCallError("the form") from None
    session_id = form.get("session")
    if "others" in form:
        await operations.end_others()
    elif session_id:
        with suppress(MissingRecordError):
            await operations.end(session_id)
    else:
        raise MalformedCallError("the form names nothing")
    location = ((b"Location", DEVICES.encode("ascii")), *_FIELDS)
    return ActionReply(InfoResponse(_SEE_OTHER, b"", location), signed_out=session_id == call.session.id)


def _item(session: OwnSession) -> str:
    facts = [f"signed in {_time(session.since)}", f"last active {_time(session.last_active)}"]
    if session.address:
        facts.append(f"from {escape(session.address).replace(':', ':<wbr>')}")
    current = " <strong>(this one)</strong>" if session.current else ""
    form = _form("session", session.id, "Sign out")
    return f"<li>{escape(_device(session.device))}{current}<br><small>{', '.join(facts)}</small>{form}</li>"


def _device(device: Device | None) -> str:
    if device is None:
        return "An unknown device"
    system = " ".join(part for part in (device.os_name, device.os_version) if part)
    name = " ".join(part for part in (device.name, (device.version or "").partition(".")[0]) if part)
    return " on ".join(part for part in (name or device.type, system) if part) or "An unknown device"


def _time(instant: datetime | None) -> str:
    return "at an unknown time" if instant is None else f"{instant:%Y-%m-%d %H:%M} UTC"


def _form(name: str, value: str, text: str) -> str:
    button = f'<button name="{name}" value="{escape(value)}">{text}</button>'
    return f'<form method="post" action="{DEVICES}">{button}</form>'
