"""The query parameters of Rocket.Chat's actions, and its words for those that are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qsl

import msgspec

from gateway.dialects.action import LoginOrder, WantedLogins
from gateway.dialects.rocketchat import MAX_PARAMETERS, invalid
from gateway.dialects.rocketchat_wire import RocketChatError

_DEFAULT_COUNT = 50
_MOST = 100
"""Rows of one answer: the product's own default of `API_Upper_Count_Limit`."""
_LONGEST_FILTER = 256
_DIGITS = 9
_SORTED_BY = ("loginAt", "device.name", "device.os.name", "device.os.version", "_user.name", "_user.username")


class InvalidParametersError(Exception):
    """A parameter is wrong in a way for which the product has words."""

    def __init__(self, error: RocketChatError) -> None:
        super().__init__(error.error)
        self.error = error


def wanted_logins(query: str | None) -> WantedLogins:
    """Return which logins a query asks for; raises InvalidParametersError."""
    named = parameters_of(query, ("filter", "offset", "count", "sort"))
    count = min(_number(named.get("count", str(_DEFAULT_COUNT))), _MOST) or _MOST
    return WantedLogins(
        filter=named.get("filter", "")[:_LONGEST_FILTER],
        offset=_number(named.get("offset", "0")),
        count=count,
        order=_order(named["sort"]) if named.get("sort") else (LoginOrder("loginAt", descending=True),),
    )


def parameters_of(query: str | None, known: tuple[str, ...]) -> Mapping[str, str]:
    """Return the query's parameters; raises InvalidParametersError for others, and for one that stands twice."""
    try:
        pairs = parse_qsl(query or "", keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise InvalidParametersError(invalid("must NOT have additional properties [invalid-params]")) from None
    named = dict(pairs)
    if not set(named) <= set(known):
        raise InvalidParametersError(invalid("must NOT have additional properties [invalid-params]"))
    if len(named) < len(pairs):
        raise InvalidParametersError(invalid("must be string [invalid-params]"))
    return named


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS:
        raise InvalidParametersError(invalid("must be number [invalid-params]"))
    return int(text)


def _order(text: str) -> tuple[LoginOrder, ...]:
    """Return how `sort` says, `{"loginAt": -1}`; raises InvalidParametersError, without the caller's own text."""
    try:
        fields = msgspec.json.decode(text.encode(), type=dict[str, Literal[1, -1]])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        error = "Invalid sort parameter provided [error-invalid-sort]"
        raise InvalidParametersError(
            RocketChatError(success=False, error=error, errorType="error-invalid-sort")
        ) from None
    if not set(fields) <= set(_SORTED_BY):
        raise InvalidParametersError(RocketChatError(success=False, error="error-invalid-sort-keys"))
    return tuple(LoginOrder(field, descending=direction < 0) for field, direction in fields.items())
