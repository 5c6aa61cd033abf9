"""`gateway top`: what a running gateway does, read from its admin port again and again."""

from __future__ import annotations

import asyncio
import os
import sys
from http import HTTPStatus
from pathlib import Path
from time import monotonic

from gateway.commands.admin_port import ask_admin_port
from gateway.commands.command_output import CommandResult
from gateway.commands.terminal import can_overwrite, terminal_size
from gateway.commands.top_view import Scrape, read_metrics, view, view_within
from gateway.config.load import load_settings
from gateway.config.settings import ListenSettings
from gateway.model.errors import GatewayError

_CLEAR = "\x1b[H\x1b[J"
"""Puts the cursor at the top of a terminal, and clears what is below it (ECMA-48)."""


async def top(config: Path, interval: float, *, once: bool = False) -> CommandResult:
    """Show what happened in each `interval` seconds until it is interrupted, or `once`.

    Raises SettingsError, and GatewayError for a gateway that cannot be asked; one that was asked before is waited for.
    """
    listen = load_settings(config, os.environ).listen
    before = await _read(listen)
    while True:
        await asyncio.sleep(interval)
        try:
            after = await _read(listen)
        except GatewayError as error:
            if once:
                raise
            _show(str(error))
            continue
        if once:
            return CommandResult(view(before, after))
        _show(_view(before, after))
        before = after


async def _read(listen: ListenSettings) -> Scrape:
    """Read the metrics; raises GatewayError where they cannot be had."""
    answer = await ask_admin_port(listen, "GET", "/metrics")
    if answer.status != HTTPStatus.OK:
        raise GatewayError(f"the admin port cannot be asked: {answer.status}")
    try:
        return read_metrics(answer.body.decode(), monotonic())
    except ValueError as fault:
        raise GatewayError(f"the admin port cannot be asked: {fault}") from fault


def _show(text: str) -> None:
    """Replace what a terminal shows; elsewhere one view follows the other."""
    sys.stdout.write(f"{_CLEAR}{text}\n" if can_overwrite(sys.stdout) else f"{text}\n\n")
    sys.stdout.flush()


def _view(before: Scrape, after: Scrape) -> str:
    """Return a view for the terminal as it is now, or the whole one for what is none."""
    if not can_overwrite(sys.stdout):
        return view(before, after)
    size = terminal_size(sys.stdout)
    return view_within(before, after, size.columns, size.lines - 1)  # the last line is the cursor's
