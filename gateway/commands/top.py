"""`gateway top`: what a running gateway does, read from its admin port again and again."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from time import monotonic

from aiohttp import ClientError, ClientSession

from gateway.commands.admin_port import admin_client
from gateway.commands.command_output import CommandResult
from gateway.commands.top_view import Scrape, read_metrics, view
from gateway.config.load import load_settings
from gateway.model.errors import GatewayError

_CLEAR = "\x1b[H\x1b[J"
"""Puts the cursor at the top of a terminal, and clears what is below it (ECMA-48)."""


async def top(config: Path, interval: float, *, once: bool = False) -> CommandResult:
    """Show what happened in each `interval` seconds until it is interrupted, or `once`.

    Raises SettingsError, and GatewayError for a gateway that cannot be asked; one that was asked before is waited for.
    """
    listen = load_settings(config, os.environ).listen
    async with admin_client(listen) as client:
        before = await _read(client)
        while True:
            await asyncio.sleep(interval)
            try:
                after = await _read(client)
            except GatewayError as error:
                if once:
                    raise
                _show(str(error))
                continue
            if once:
                return CommandResult(view(before, after))
            _show(view(before, after))
            before = after


async def _read(client: ClientSession) -> Scrape:
    """Read the metrics; raises GatewayError where they cannot be had."""
    try:
        async with client.get("/metrics", allow_redirects=False, raise_for_status=True) as answer:
            return read_metrics(await answer.text(), monotonic())
    except (TimeoutError, ClientError, OSError, ValueError) as fault:
        raise GatewayError(f"the admin port cannot be asked: {str(fault) or type(fault).__name__}") from fault


def _show(text: str) -> None:
    """Replace what a terminal shows; elsewhere one view follows the other."""
    sys.stdout.write(f"{_CLEAR}{text}\n" if sys.stdout.isatty() else f"{text}\n\n")
    sys.stdout.flush()
