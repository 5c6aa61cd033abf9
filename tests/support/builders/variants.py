"""Generators of attack variants: an example in an advisory stands for its class, and these are the classes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

SIGNS = b"!#$%&'*+-.^_`|~"
"""What a field name may hold besides letters and digits (RFC 9110 section 5.6.2)."""

PATH_PIECES = (
    *("/", "a", "admin", ".", "..", "%2e", "%2F", "%2f", "%5c", "\\", ";", "%3b"),
    *("%25", "%", "61", "%61", "%c0", "%c0%ae", "?", "#"),
)
"""What a path is made of that two servers may read differently."""

CONTROLS = bytes((*range(0x20), 0x7F))


def spelled(byte: int) -> tuple[bytes, ...]:
    """Return a byte as it stands and percent-encoded, in either case where there are two."""
    escapes = {b"%%%02x" % byte, b"%%%02X" % byte}
    return (bytes((byte,)), *sorted(escapes))


def percent_encodings(text: bytes) -> Iterator[bytes]:
    """Yield every mix of plain and encoded bytes of a short text."""
    for parts in product(*(spelled(byte) for byte in text)):
        yield b"".join(parts)


def encoded_again(text: bytes) -> bytes:
    """Return `text` with each percent sign encoded: what a second decoding would decode."""
    return text.replace(b"%", b"%25")


def dot_segments() -> Iterator[bytes]:
    """Yield `..` and `.` between slashes and backslashes, in every encoding and with parameters behind them."""
    slashes = (*percent_encodings(b"/"), *percent_encodings(b"\\"))
    for dots in (*percent_encodings(b".."), *percent_encodings(b".")):
        for before, after in product((b"/", b"%2f", b"%5c", b"\\"), slashes):
            yield before + dots + after
        for parameter in (b";", b";x=y", b"%3b", b"%3Bx", b";/", b";%2f"):
            yield b"/" + dots + parameter + b"/"


def empty_segments() -> Iterator[bytes]:
    """Yield two slashes in a row, in every encoding."""
    for pair in percent_encodings(b"//"):
        yield pair + b"x"


def field_names(name: bytes) -> Iterator[bytes]:
    """Yield the spellings of a field name that some server folds into it: case, and every sign for every dash."""
    words = name.split(b"-")
    for sign in SIGNS:
        yield bytes((sign,)).join(words)
        yield bytes((sign,)).join(words).upper()
    yield name.lower()
    yield name.swapcase()
    signs = (b"-", b"_", b".")
    for joints in product(signs, repeat=len(words) - 1):
        yield b"".join(word + joint for word, joint in zip(words, (*joints, b""), strict=True))


def positions(line: bytes, marks: tuple[bytes, ...]) -> Iterator[bytes]:
    """Yield `line` with each mark put before, behind and between its words."""
    words = line.split(b" ")
    for mark in marks:
        yield mark + line
        yield line + mark
        for place in range(1, len(words)):
            yield b" ".join(words[:place]) + mark + b" ".join(words[place:])
            yield b" ".join((*words[:place], mark + words[place], *words[place + 1 :]))
            yield b" ".join((*words[: place - 1], words[place - 1] + mark, *words[place:]))
