"""Counts what a regular expression costs: each character that a backtracking matcher looks at, and each way it tries.

Slower than `re` by far, and the same on every machine: whether a pattern is linear in its text is a count here, not a
time. It takes none of the shortcuts of `re`, which can only be cheaper.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

Test = Callable[[str], bool]
Items = Any
_CATEGORIES: dict[Any, Test] = {
    codes.CATEGORY_DIGIT: str.isdigit,
    codes.CATEGORY_NOT_DIGIT: lambda character: not character.isdigit(),
    codes.CATEGORY_SPACE: str.isspace,
    codes.CATEGORY_NOT_SPACE: lambda character: not character.isspace(),
    codes.CATEGORY_WORD: lambda character: character.isalnum() or character == "_",
    codes.CATEGORY_NOT_WORD: lambda character: not (character.isalnum() or character == "_"),
}
_REPEATS = {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}
_SINGLE = {codes.LITERAL, codes.NOT_LITERAL, codes.ANY, codes.IN}


class TooManyError(Exception):
    """The matcher took more steps than it may."""


class Matcher:
    """Matches one pattern, and counts. `most` bounds the steps: beyond it TooManyError is raised."""

    def __init__(self, pattern: re.Pattern[Any], most: int = 10**7) -> None:
        source = pattern.pattern
        text = source.decode("latin-1") if isinstance(source, bytes) else source
        flags = pattern.flags & ~re.UNICODE if isinstance(source, bytes) else pattern.flags
        self.tree = parser.parse(text, flags & ~re.DEBUG)
        self._ignore_case = bool(flags & re.IGNORECASE)
        self._most = most
        self._text = ""
        self.steps = 0

    def fullmatch(self, text: str) -> None:
        """Match the whole text."""
        self._text = text
        for end in self._match(self.tree, 0, 0):
            if end == len(text):
                return

    def match(self, text: str) -> None:
        """Match at the beginning."""
        self._text = text
        next(self._match(self.tree, 0, 0), None)

    def search(self, text: str) -> None:
        """Find every match, one behind the other, as `sub` does."""
        self._text = text
        start = 0
        while start <= len(text):
            self._step()
            end = next(self._match(self.tree, 0, start), None)
            start = end if end is not None and end > start else start + 1

    def _step(self) -> None:
        self.steps += 1
        if self.steps > self._most:
            raise TooManyError

    def _match(self, items: Items, index: int, at: int) -> Iterator[int]:
        """Yield every end of a match of the items from `index` on."""
        if index == len(items):
            yield at
            return
        code, argument = items[index]
        for end in self._item(code, argument, at):
            yield from self._match(items, index + 1, end)

    def _item(self, code: Any, argument: Any, at: int) -> Iterator[int]:  # noqa: C901 - one arm for each kind
        self._step()
        if code in _SINGLE:
            if at < len(self._text) and self._test(code, argument, self._text[at]):
                yield at + 1
        elif code in _REPEATS:
            yield from self._repeat(code, argument, at)
        elif code is codes.SUBPATTERN:
            yield from self._match(argument[3], 0, at)
        elif code is codes.ATOMIC_GROUP:
            yield from self._first(argument, at)
        elif code is codes.BRANCH:
            for branch in argument[1]:
                yield from self._match(branch, 0, at)
        elif code in {codes.ASSERT, codes.ASSERT_NOT}:
            if self._holds(argument, at) is (code is codes.ASSERT):
                yield at
        elif code is codes.AT:
            if self._is_at(argument, at):
                yield at
        else:
            raise NotImplementedError(code)

    def _first(self, items: Items, at: int) -> Iterator[int]:
        end = next(self._match(items, 0, at), None)
        if end is not None:
            yield end

    def _repeat(self, code: Any, argument: Any, at: int) -> Iterator[int]:
        least, most, items = argument
        if code is codes.MIN_REPEAT:
            yield from self._lazily(least, most, items, at)
            return
        ends = [at]
        if len(items) == 1 and items[0][0] in _SINGLE:
            while len(ends) <= most and (end := next(self._item(*items[0], ends[-1]), None)) is not None:
                ends.append(end)
            found = (end for count, end in reversed([*enumerate(ends)]) if count >= least)
        else:
            found = self._greedily(least, most, items, at)
        if code is codes.POSSESSIVE_REPEAT:
            end = next(found, None)
            if end is not None:
                yield end
            return
        for end in found:
            self._step()
            yield end

    def _greedily(self, least: int, most: int, items: Items, at: int) -> Iterator[int]:
        if most > 0:
            for end in self._match(items, 0, at):
                if end > at or least > 0:
                    yield from self._greedily(max(0, least - 1), most - 1, items, end)
        if least == 0:
            yield at

    def _lazily(self, least: int, most: int, items: Items, at: int) -> Iterator[int]:
        count = 0
        while True:
            if count >= least:
                yield at
            if count >= most:
                return
            end = next(self._match(items, 0, at), None)
            if end is None:
                return
            at, count = end, count + 1

    def _holds(self, argument: Any, at: int) -> bool:
        direction, items = argument
        if direction > 0:
            return next(self._match(items, 0, at), None) is not None
        low, high = items.getwidth()
        return any(
            at - width >= 0 and at in self._match(items, 0, at - width) for width in range(low, min(high, at) + 1)
        )

    def _is_at(self, code: Any, at: int) -> bool:
        text = self._text
        if code in {codes.AT_BEGINNING, codes.AT_BEGINNING_STRING}:
            return at == 0
        if code is codes.AT_END:
            return at == len(text) or (at == len(text) - 1 and text[at] == "\n")
        if code is codes.AT_END_STRING:
            return at == len(text)
        is_word = _CATEGORIES[codes.CATEGORY_WORD]
        boundary = (at > 0 and is_word(text[at - 1])) is not (at < len(text) and is_word(text[at]))
        return boundary if code is codes.AT_BOUNDARY else not boundary

    def _test(self, code: Any, argument: Any, character: str) -> bool:
        if self._ignore_case:
            return any(self._is(code, argument, each) for each in {character.lower(), character.upper(), character})
        return self._is(code, argument, character)

    def _is(self, code: Any, argument: Any, character: str) -> bool:
        if code is codes.LITERAL:
            return ord(character) == argument
        if code is codes.NOT_LITERAL:
            return ord(character) != argument
        if code is codes.ANY:
            return True
        negated = bool(argument) and argument[0][0] is codes.NEGATE
        return any(self._in(*each, character) for each in argument[negated:]) is not negated

    @staticmethod
    def _in(code: Any, argument: Any, character: str) -> bool:
        if code is codes.LITERAL:
            return ord(character) == argument
        if code is codes.RANGE:
            return argument[0] <= ord(character) <= argument[1]
        return _CATEGORIES[argument](character)


def samples(items: Items) -> Iterator[str]:
    """Yield texts of which a matcher reads much before it fails: beginnings of matches, and what may repeat in them."""
    beginning = ""
    for code, argument in items:
        for part in _parts(code, argument):
            yield from samples(part)
        beginning += _sample(code, argument)
        yield beginning


def _parts(code: Any, argument: Any) -> list[Items]:
    if code in _REPEATS:
        return [argument[2]]
    if code is codes.SUBPATTERN:
        return [argument[3]]
    if code is codes.ATOMIC_GROUP:
        return [argument]
    if code is codes.BRANCH:
        return list(argument[1])
    return [argument[1]] if code in {codes.ASSERT, codes.ASSERT_NOT} else []


def _sample(code: Any, argument: Any) -> str:  # noqa: PLR0911 - one line for each kind
    if code is codes.LITERAL:
        return chr(argument)
    if code in {codes.NOT_LITERAL, codes.ANY}:
        return "~" if argument != ord("~") else "!"
    if code is codes.IN:
        return _member(argument)
    if code in _REPEATS:
        return _text(argument[2]) * max(1, argument[0])
    if code is codes.SUBPATTERN:
        return _text(argument[3])
    if code is codes.ATOMIC_GROUP:
        return _text(argument)
    return _text(argument[1][0]) if code is codes.BRANCH else ""


def _text(items: Items) -> str:
    return "".join(_sample(code, argument) for code, argument in items)


def _member(choices: Any) -> str:
    matcher = re.compile("x")
    single = Matcher(matcher)
    candidates = 'aA0-_./ ,;=%:@\t"\x00\xff~'
    return next((each for each in candidates if single._is(codes.IN, choices, each)), "~")
