"""`gateway test`: whether a file of cases is judged as it expects, without a network."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from typing_extensions import override

from gateway.commands.cases import Case, CaseCaller, Cases, read_cases
from gateway.commands.command_output import CommandResult
from gateway.config.load import load_settings
from gateway.config.settings import Settings
from gateway.credentials.reader import Reader
from gateway.endpoints.forwarded_headers import forwarded_headers
from gateway.model.answers import Reason, Rejected, Resolution, Sessions
from gateway.model.credential import Ambiguous, Credential, Reading
from gateway.model.decision import AccessRequest, Decision, HeaderPairs
from gateway.model.errors import MalformedError, Problem, SettingsError
from gateway.source.document import Document, KeyPath
from gateway.upstream.request_head import prefix_fields
from gateway.wiring.explanation import Unlimited, owner_of, read_request
from gateway.wiring.judging import OfflineGate

_UNKNOWN = Rejected(Reason.UNKNOWN)
_PREFLIGHT_STATUS = 204


async def judge_cases(config: Path, path: Path) -> CommandResult:
    """Judge the cases of a file; raises SettingsError for a config or a file of cases that cannot be used."""
    settings = load_settings(config, os.environ)
    cases, document = read_cases(path)
    faults = [document.problem(place, text) for place, text in _odd_names(cases, settings)]
    if faults:
        raise SettingsError(faults)
    bench = _Bench(settings)
    differing: list[Problem] = []
    for number, case in enumerate(cases.cases):
        outcome = await bench.outcome(case, cases.caller(case))
        differing += _differences(document, ("cases", number, "expect"), case, outcome)
    lines = "\n".join(str(problem) for problem in differing)
    count = f"{path}: {len(cases.cases)} case{'s' if len(cases.cases) > 1 else ''}"
    if differing:
        failed = len({problem.path.split(".")[0] for problem in differing})
        return CommandResult(lines, f"{count}, {failed} judged otherwise than expected", succeeded=False)
    return CommandResult(f"{count}, all judged as expected")


def _odd_names(cases: Cases, settings: Settings) -> Iterator[tuple[KeyPath, str]]:
    """Yield callers and readers that there are none of: such a case would test nothing."""
    for number, case in enumerate(cases.cases):
        if isinstance(case.caller, str) and case.caller not in cases.callers:
            yield ("cases", number, "caller"), f"{case.caller} is not one of callers"
        elif isinstance(case.caller, CaseCaller):
            yield from _odd_reader(case.caller, settings, ("cases", number, "caller", "by"))
    for name, caller in cases.callers.items():
        yield from _odd_reader(caller, settings, ("callers", name, "by"))


def _odd_reader(caller: CaseCaller, settings: Settings, place: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if caller.by and caller.by not in settings.credentials:
        yield place, f"{caller.by} is not one of the config's credentials"


class _Outcome(msgspec.Struct, frozen=True):
    """What became of a case's request. `headers` are what the upstream gets, by their lower-case name."""

    status: int | None = None
    route: str | None = None
    rule: str = ""
    detail: str = ""
    headers: Mapping[str, str] = {}
    own: str = ""

    @property
    def allowed(self) -> bool:
        """Tell whether the request is forwarded, or a preflight that is allowed."""
        return not self.own and self.status in {None, _PREFLIGHT_STATUS}

    def __str__(self) -> str:
        """Say in one line what was decided."""
        if self.own:
            return f"answered by the gateway itself ({self.own})"
        return "allowed" if self.allowed else f"refused with {self.status} ({self.rule}: {self.detail})"


class _Stage:
    """Who calls in the case that is judged, for the readers and the sessions of its gate."""

    def __init__(self) -> None:
        self.caller: CaseCaller | None = None
        self.by: str | None = None

    def shown_to(self, reader: Reader) -> Reading:
        """Return the caller's credential to the reader that is to find it, once; `by` is empty for the first."""
        if self.caller is None or self.by is None or self.by not in {"", reader.name}:
            return None
        self.by = None
        if self.caller.answer == "ambiguous":
            return Ambiguous(reader.name)
        return Credential(reader.name, reader.kind, "", ("(case)",), b"case")

    async def resolve(self, _credential: Credential, _client: str = "") -> Resolution:
        """Look nothing up: the case says whose the credential is, and without a caller it is nobody's."""
        return Resolution(answer=self.caller.verdict if self.caller is not None else _UNKNOWN)


class _StagedReader(Reader):
    """Reads what a request shows, or is shown the credential of the case's caller."""

    def __init__(self, reader: Reader, stage: _Stage) -> None:
        self.name, self.kind = reader.name, reader.kind
        self.headers, self.cookies, self.scheme = reader.headers, reader.cookies, reader.scheme
        self.reads_target = reader.reads_target
        self._reader, self._stage = reader, stage

    @override
    def read(self, access: AccessRequest) -> Reading:
        found = self._reader.read(access)
        return found if found is not None else self._stage.shown_to(self._reader)

    @override
    def clearing(self, host: str = "", path: str = "/") -> HeaderPairs:
        return self._reader.clearing(host, path)


class _Bench:
    """Judges one case after the other."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._offline = OfflineGate(settings)
        self._stage = _Stage()
        readers = {name: _StagedReader(reader, self._stage) for name, reader in self._offline.readers.items()}
        self._gate = self._offline.gate(readers, Sessions(self._stage.resolve), Unlimited())

    async def outcome(self, case: Case, caller: CaseCaller | None) -> _Outcome:
        """Return what is decided about a case's request."""
        try:
            access = read_request(*case.method_and_url, case.fields(), self._offline.oddities)
        except MalformedError as error:
            return _Outcome(status=error.refusal.status, rule="malformed", detail=error.refusal.detail)
        access = msgspec.structs.replace(access, peer=case.peer, client=case.peer)
        owner = owner_of(self._settings, access)
        if owner:
            return _Outcome(own=owner)
        # A request that shows a credential by itself is read as it stands.
        shows = any(reader.read(access) is not None for reader in self._offline.readers.values())
        self._stage.caller, self._stage.by = caller, None if caller is None or shows else caller.by
        return self._outcome_of(await self._gate.decide(access))

    def _outcome_of(self, decision: Decision) -> _Outcome:
        route, refusal = decision.route, decision.refusal
        name = route.name if route is not None else None
        if refusal is not None:
            return _Outcome(status=refusal.status, route=name, rule=decision.rule, detail=refusal.detail)
        if decision.answered or route is None:
            return _Outcome(status=_PREFLIGHT_STATUS, route=name, rule=decision.rule)
        access = self._offline.shedding.bare(decision.access, route)
        passing = self._offline.request_heads.passing(route, route.upstream[0], access)
        way = (*forwarded_headers(access, believed=False), *prefix_fields(route, access))
        fields = (*passing, *way, *decision.identity)
        return _Outcome(route=name, rule=decision.rule, headers=_joined_by_name(fields))


def _joined_by_name(fields: HeaderPairs) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for name, value in fields:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _differences(document: Document, place: KeyPath, case: Case, outcome: _Outcome) -> Iterator[Problem]:
    """Yield what was expected and did not come, each at its line."""
    expected, written = case.expect, case.expect.model_fields_set
    found: dict[str, object] = {
        "allowed": outcome.allowed,
        "status": outcome.status,
        "route": outcome.route,
        "rule": outcome.rule,
        "own": bool(outcome.own),
    }
    for key, value in found.items():
        if key in written and value != getattr(expected, key):
            yield document.problem((*place, key), f"is {_word(value)}: {outcome}")
    for name, wanted in expected.headers.items():
        sent = outcome.headers.get(name.lower())
        if sent != wanted:
            got = f"the upstream gets {sent!r}" if sent is not None else "the upstream gets no such header"
            yield document.problem((*place, "headers", name), got if outcome.allowed else str(outcome))


def _word(value: object) -> str:
    return "nothing" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
