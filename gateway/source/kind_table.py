"""The kinds of one seam by the names that a config has for them: our own, and those that installed packages add."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, Protocol, TypeVar

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from gateway.model.errors import KindError
from gateway.source.document import KeyPath
from gateway.source.values import SettingsModel

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
"""What an error may repeat of a config: a longer value may be a secret in a wrong place."""

_LONGEST = 200
"""Characters of a foreign error's text."""


class Kind(Protocol):
    """One kind of a seam: `name` is the config's."""

    @property
    def name(self) -> str: ...  # noqa: D102 - the class says it


_Kind = TypeVar("_Kind", bound=Kind)
_Made = TypeVar("_Made")

SettingsOf = Callable[[_Kind, dict[str, Any]], type[SettingsModel] | None]
"""Returns the class of a kind's settings for what the config says, or None where the kind may not stand.

For a map that says nothing it tells the latter alone.
"""

Probe = Callable[[_Kind, Any], object]
"""Builds of a kind and its settings what will be built of them later, as far as that needs no I/O."""


class KindTable(Generic[_Kind]):
    """Our own kinds of a seam, and those of installed packages.

    A package adds a kind by an entry point in `group`: its name is the kind's, and what it loads is a `kind_type` of
    that name. It is loaded when a config first names it, so that a package which nobody uses can break nothing. A kind
    of ours cannot be replaced: a package that comes along with another must not judge tokens in our stead.
    """

    def __init__(self, kind_type: type[_Kind], group: str, own: Iterable[_Kind]) -> None:
        self._kind_type = kind_type
        self.group = group
        self.own: Mapping[str, _Kind] = {kind.name: kind for kind in own}

    def named(self, name: str, settings_of: SettingsOf[_Kind] | None = None) -> _Kind:
        """Return the kind of that name; raises KindError where there is none, or its package cannot be used.

        The error names those that there are, with `settings_of` those that have settings by it.
        """
        kind = self.own.get(name)
        return kind if kind is not None else self._load(self._point(name, settings_of))

    def validator(self, key: str, settings_of: SettingsOf[_Kind], probe: Probe[_Kind]) -> Callable[[Any], Any]:
        """Return what makes settings of a map whose `key` names its kind, for pydantic's PlainValidator.

        What a package's kind raises is told at that key; `probe` finds out what it will raise when it is built.
        """

        def validate(value: Any) -> Any:
            if isinstance(value, SettingsModel):
                return value
            if isinstance(value, dict) and key not in value:
                raise at((key,), "missing", value)
            return self.settings(value[key] if isinstance(value, dict) else "", value, settings_of, probe, (key,))

        return validate

    def settings(
        self, name: object, value: object, settings_of: SettingsOf[_Kind], probe: Probe[_Kind], place: KeyPath = ()
    ) -> Any:
        """Return the settings of the kind of that name; raises ValidationError, at `place` for the kind itself."""
        if not isinstance(value, dict):
            raise at((), "dict_type", value)
        settings_class, known = self.settings_class(name, value, settings_of, place), str(name)
        settings = self.tried(known, lambda: settings_class.model_validate(value), place)
        self.tried(known, lambda: probe(self.named(known), settings), place)
        return settings

    def tried(self, name: str, make: Callable[[], _Made], place: KeyPath) -> _Made:
        """Return what `make` makes of a kind; raises ValidationError at `place` for whatever that raises."""
        try:
            return make()
        except ValidationError:
            raise
        except Exception as error:
            text = f"{self._described(name)} cannot be used: {_fault(error)}"
            raise at(place, _unknown(text), name) from error

    def settings_class(
        self, name: object, value: dict[str, Any], settings_of: SettingsOf[_Kind], place: KeyPath
    ) -> type[SettingsModel]:
        """Return the class of the settings of the kind of that name; raises ValidationError at `place`."""
        try:
            kind = self.named(name if isinstance(name, str) else "", settings_of)
            return self._settings_class(kind.name, settings_of(kind, value), settings_of)
        except KindError as error:
            raise at(place, _unknown(str(error)), value) from None

    def _settings_class(self, name: str, found: object, settings_of: SettingsOf[_Kind]) -> type[SettingsModel]:
        if found is None:
            raise KindError(f"{name} cannot stand here; {self._choices(settings_of)}")
        if not (isinstance(found, type) and issubclass(found, SettingsModel)):
            raise KindError(f"{self._described(name)} cannot be used: its settings are no SettingsModel")
        return found

    def _described(self, name: str) -> str:
        """Return a kind's name with its package, where it is of one."""
        return name if name in self.own else f"{name} of {_package(self._point(name))}"

    def _point(self, name: str, settings_of: SettingsOf[_Kind] | None = None) -> EntryPoint:
        if not _NAME.fullmatch(name):
            raise KindError(self._choices(settings_of))
        points = [point for point in entry_points(group=self.group) if point.name == name]
        if not points:
            raise KindError(f"{name} is not known; {self._choices(settings_of)}")
        if len(points) > 1:
            raise KindError(f"{name} is of several packages, {' and '.join(map(_package, points))}: which is meant?")
        return points[0]

    def _load(self, point: EntryPoint) -> _Kind:
        """Load a package's kind; whatever its code raises is the package's fault, told by its name."""
        described = f"{point.name} of {_package(point)}"
        try:
            kind = point.load()
        except (Exception, SystemExit) as error:
            raise KindError(f"{described} cannot be loaded: {_fault(error)}") from error
        if not isinstance(kind, self._kind_type) or kind.name != point.name:
            wanted = f"{self._kind_type.__name__} of that name"
            raise KindError(f"{described} cannot be used: {point.value} is no {wanted}")
        return kind

    def _choices(self, settings_of: SettingsOf[_Kind] | None) -> str:
        """Return what may stand in the config instead: our own kinds, and what installed packages say of theirs."""
        own = [name for name, kind in self.own.items() if settings_of is None or settings_of(kind, {}) is not None]
        points = [point for point in entry_points(group=self.group) if point.name not in self.own]
        *others, last = [*own, *sorted(f"{point.name} of {_package(point)}" for point in points)]
        return f"must be {', '.join(others)} or {last}" if others else f"must be {last}"


def _fault(error: BaseException) -> str:
    """Return a foreign error as a part of a line: without its line ends, and not without an end."""
    text = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def at(place: KeyPath, error: PydanticCustomError | str, value: object) -> ValidationError:
    """Return an error at one place beneath a value."""
    details = InitErrorDetails(type=error, loc=place, input=value)
    return ValidationError.from_exception_data("kind", [details], hide_input=True)


def _unknown(text: str) -> PydanticCustomError:
    return PydanticCustomError("unknown_kind", "{text}", {"text": text})


def _package(point: EntryPoint) -> str:
    """Return the name and version of the package whose entry point it is."""
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.module
