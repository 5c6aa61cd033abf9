from __future__ import annotations

import argparse

import pytest

from gateway.commands.argument_types import header, port, seconds


def test_what_is_written_right_is_read() -> None:
    assert (port("0"), port("65535"), seconds("3600")) == (0, 65535, 3600.0)
    assert header("X-Api-Key:  a:b ") == (b"X-Api-Key", b"a:b")


@pytest.mark.parametrize("text", ["", "-1", "65536", "http", "1.5", "\u0661\u0662x"])
def test_what_is_no_port_is_a_usage_error(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="a port is"):
        port(text)


@pytest.mark.parametrize("text", ["", "0", "-1", "3601", "2s", "nan", "inf"])
def test_what_is_no_interval_is_a_usage_error(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="an interval is"):
        seconds(text)


@pytest.mark.parametrize("text", ["X-Api-Key", ": a", "a: b\nc: d", "a: b\r"])
def test_what_is_no_header_is_a_usage_error(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="a header is"):
        header(text)
