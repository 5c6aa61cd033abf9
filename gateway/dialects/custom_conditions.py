"""What the config says of an answer: which status and which JSON mean a session, and which mean nobody."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Self

import msgspec
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.dialects.answer_decoder import is_json
from gateway.dialects.dialect import RemoteResponse
from gateway.model.errors import UNDECODABLE
from gateway.source.json_paths import JsonPath, find, is_many
from gateway.source.values import SettingsModel, field_faults

Scalar = bool | int | float | str | None
"""What a place in JSON may be compared with."""

_LEAST, _MOST = 200, 499
_SAY_NOTHING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})

_decoder = msgspec.json.Decoder()


def _listed(value: object) -> object:
    return list(value) if isinstance(value, list | tuple) else [value]


def _status(value: int) -> int:
    if not _LEAST <= value <= _MOST or value in _SAY_NOTHING:
        raise ValueError("is no status that says whose session it is: 200 to 499, without 408, 425 and 429")
    return value


Status = Annotated[int, AfterValidator(_status)]


class SessionAnswer(msgspec.Struct, frozen=True):
    """An authority's response, its JSON decoded: UNSET where it is none."""

    status: int
    document: Any

    @classmethod
    def of(cls, response: RemoteResponse) -> SessionAnswer:
        """Decode a response; never raises."""
        if not is_json(response.content_type):
            return cls(response.status, msgspec.UNSET)
        try:
            return cls(response.status, _decoder.decode(response.body))
        except UNDECODABLE:
            return cls(response.status, msgspec.UNSET)

    @property
    def is_object(self) -> bool:
        """Tell whether it is a JSON object, the only thing that has fields."""
        return isinstance(self.document, dict)

    @property
    def described(self) -> str:
        """What the log says of it: nothing of its content."""
        form = "something else than JSON" if self.document is msgspec.UNSET else "JSON"
        return f"the authority answered {self.status} with {form}"


class AnswerCondition(SettingsModel):
    """What an answer is to be; each key that is written must agree.

    `status` is one or a list, by default 200. `null: true` is a document that is `null`. `when` is a place that holds
    something: neither null nor false, 0 or empty; with `is`, what it holds exactly, or one of a list. A place that is
    absent is null.
    """

    status: Annotated[tuple[Status, ...], BeforeValidator(_listed)] = Field(default=(200,), min_length=1)
    null: bool = False
    when: JsonPath = ""
    is_: Annotated[tuple[Scalar, ...], BeforeValidator(_listed)] = Field(default=(), alias="is")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.null and self.when:
            raise field_faults({"when": "has no place in a document that is null"})
        if self.is_ and not self.when:
            raise field_faults({"when": "is required by `is`, which is what stands there"})
        return self

    def is_met_by(self, answer: SessionAnswer) -> bool:
        """Tell whether an answer is so."""
        if answer.status not in self.status:
            return False
        if self.null:
            return answer.document is None
        if not self.when:
            return True
        if not answer.is_object:
            return False
        found = find(answer.document, self.when)
        if not self.is_:
            return bool(found)
        return any(_same(value, one) for value in (found if is_many(self.when) else [found]) for one in self.is_)


def _same(value: Any, one: Scalar) -> bool:
    """Compare as JSON does: `true` is not 1, and `"1"` is not 1."""
    return value == one and isinstance(value, bool) is isinstance(one, bool)


def conditions(value: object) -> object:
    """Return conditions as a list of maps: one may stand alone, and a number is a status alone."""
    return [{"status": [each]} if isinstance(each, int) else each for each in _to_list(value)]


def _to_list(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else [value]
