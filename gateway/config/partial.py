"""A config read part by part, so that a problem in one part hides none in another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec
from pydantic import TypeAdapter, ValidationError

from gateway.authorities.kinds import AuthoritySettings
from gateway.config.route_settings import RouteSettings
from gateway.config.settings import Sections
from gateway.credentials.kinds import ReaderSettings
from gateway.dialects.kinds import DialectSettings
from gateway.model.errors import Problem
from gateway.source.document import Document

PartKey = TypeVar("PartKey", str, int)

_AUTHORITY: TypeAdapter[AuthoritySettings] = TypeAdapter(AuthoritySettings)
_READER: TypeAdapter[ReaderSettings] = TypeAdapter(ReaderSettings)
_DIALECT: TypeAdapter[DialectSettings] = TypeAdapter(DialectSettings)
_ROUTE: TypeAdapter[RouteSettings] = TypeAdapter(RouteSettings)


class PartialConfig(msgspec.Struct, frozen=True):
    """The parts of a config that are valid, each under its name or its place in the list.

    `sections` are the settings without those parts; an invalid section has its defaults. `authority_names`,
    `reader_names` and `route_names` include invalid parts: to refer to one is no second problem, to share its name is.
    """

    document: Document
    sections: Sections
    authorities: Mapping[str, AuthoritySettings]
    credentials: Mapping[str, ReaderSettings]
    session_info: Mapping[int, DialectSettings]
    routes: Mapping[int, RouteSettings]
    authority_names: frozenset[str]
    reader_names: frozenset[str]
    route_names: Mapping[int, str]

    def problem(self, text: str, *path: str | int) -> Problem:
        """Return an error at the place of `path`."""
        return self.document.problem(path, text)

    def warning(self, text: str, *path: str | int) -> Problem:
        """Return a warning at the place of `path`."""
        return self.document.problem(path, text, warning=True)


def read_partial(document: Document) -> PartialConfig:
    """Read the valid parts of a config; never raises."""
    data = document.data if isinstance(document.data, dict) else {}
    authorities, credentials = _map(data.get("authorities")), _map(data.get("credentials"))
    routes = _list(data.get("routes"))
    return PartialConfig(
        document=document,
        sections=_sections(data),
        authorities=_valid(_AUTHORITY, authorities.items()),
        credentials=_valid(_READER, credentials.items()),
        session_info=_valid(_DIALECT, enumerate(_list(data.get("session_info")))),
        routes=_valid(_ROUTE, enumerate(routes)),
        authority_names=frozenset(authorities),
        reader_names=frozenset(credentials),
        route_names={place: each["name"] for place, each in enumerate(routes) if _is_named(each)},
    )


def _valid(adapter: TypeAdapter[Any], items: Iterable[tuple[PartKey, Any]]) -> dict[PartKey, Any]:
    settings = {}
    for key, value in items:
        try:
            settings[key] = adapter.validate_python(value)
        except ValidationError:  # reported where the whole config is validated
            continue
    return settings


def _sections(data: Mapping[str, Any]) -> Sections:
    """Return the settings of every valid section."""
    valid = {}
    for name in Sections.model_fields:
        for key in {name, f"{name}_file"} & set(data):
            try:
                Sections.model_validate({key: data[key]})
            except ValidationError:
                continue
            valid[key] = data[key]
    return Sections.model_validate(valid)


def _is_named(route: Any) -> bool:
    return isinstance(_map(route).get("name"), str)


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
