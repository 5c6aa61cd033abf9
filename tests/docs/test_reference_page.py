"""The reference is what the program has, and the reverse: commands, identity headers, own paths, refusals."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import get_args

from gateway import cli
from gateway.commands.noun_fields import NOUN_OPTIONS
from gateway.dialects.action import DialectActions
from gateway.dialects.memghost import MemghostActionName
from gateway.dialects.memghost_actions import MemghostActions
from gateway.dialects.normal import Normal
from gateway.dialects.own_sessions import OwnSessions
from gateway.dialects.rocketchat import RocketchatActionName
from gateway.dialects.rocketchat_actions import RocketchatActions
from gateway.dialects.wacht import WachtActionName
from gateway.dialects.wacht_actions import WachtActions
from gateway.endpoints.devices_page import DevicesPage
from gateway.endpoints.forward_auth.kinds import FORWARD_AUTH
from gateway.endpoints.own_paths import DOCUMENT
from gateway.endpoints.sign_in.password_sign_in import PASSWORD_PATH
from gateway.endpoints.sign_in.product_logins import PRODUCT_LOGINS
from gateway.endpoints.sign_in.sign_in_parts import CALLBACK_PATH, SIGN_OUT_PATH
from gateway.identity.header_names import DEFAULT_NAMES, PRESETS
from gateway.model.answers import Reason
from gateway.model.refusal import Refusal, RefusalCode
from gateway.sign_in.return_target import SIGN_IN_PATH
from tests.support.builders.dialects import SERVED, server
from tests.support.readers import pages
from tests.support.repository import DOCS

PAGE = DOCS / "REFERENCE.md"
COMMON = {"-h", "--help", "-c", "--config", "--authority", "--header", "--json"}
VERBS = {"list", "show", "create", "change", "delete", "remove"}
"""What every noun of the directory has, and a table of its own."""


def rows(heading: str) -> list[list[str]]:
    lines = re.findall(r"(?m)^\| (.*) \|$", pages.part(PAGE, heading))
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)] for line in lines[1:]]


def commands(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, set[str]]]:
    """Yield every command that does something, with its own options."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for action in below:
        for word, each in action.choices.items():
            yield from commands(each, f"{name} {word}")
    if not below:
        yield name, {option for action in parser._actions for option in action.option_strings} - COMMON


def test_the_table_of_commands_is_the_command_line() -> None:
    shown = {}
    for command, *_ in rows("Commands"):
        words = command.strip("`")
        name = re.match(r"[a-z ]+[a-z]", words)
        assert name is not None
        shown[name[0]] = set(re.findall(r"--?[a-z][a-z-]*|-H", words)) - COMMON
    every = dict(commands(cli._parser(), "gateway"))
    nouns = {f"gateway directory {noun} {verb}" for noun in NOUN_OPTIONS for verb in VERBS}
    assert shown == {name: options for name, options in every.items() if name not in nouns}


def test_the_table_of_nouns_has_every_field_of_each_verb() -> None:
    shown = {
        noun.strip("`"): [re.findall(r"`--([a-z-]+)`", cell) for cell in cells]
        for noun, *cells in rows("Nouns of the directory")
        if len(cells) == 3 and noun.strip("`") in NOUN_OPTIONS
    }
    fields = {
        noun: [[field.replace("_", "-") for field in verb] for verb in (each.create, each.change, each.wanted)]
        for noun, each in NOUN_OPTIONS.items()
    }
    assert shown == fields


def test_the_table_of_identity_headers_is_the_default() -> None:
    shown = {field.strip("`"): name.strip("`") for name, field, _ in rows("Identity headers") if field}
    assert shown == dict(DEFAULT_NAMES)
    assert all(f"`{preset}`" in pages.part(PAGE, "Identity headers") for preset in PRESETS)


def test_every_own_path_is_in_the_table() -> None:
    shown = {path for row in rows("Own paths") for path in re.findall(r"`(/[^`]*)`", row[0])}
    forward_auth = {kind.settings.model_fields["path"].default for kind in FORWARD_AUTH.own.values()}
    dialects = {path for name in SERVED for path in server(name).paths}
    actions = (*OwnSessions().actions, *DevicesPage().actions)
    own = {f"{path}{{id}}" if each.beneath else path for each in actions for path in each.paths}
    listed: tuple[DialectActions, ...] = (
        MemghostActions(get_args(MemghostActionName)),
        RocketchatActions(get_args(RocketchatActionName)),
        WachtActions(get_args(WachtActionName)),
    )
    own |= {path for product in listed for each in product.actions for path in each.paths}
    admin = {"/healthz", "/readyz", "/metrics", "/revoke", "/.well-known/jwks.json"}
    of_providers = {f"{path}PROVIDER" for path in (PASSWORD_PATH, CALLBACK_PATH, f"{SIGN_OUT_PATH}/")}
    of_products = {path for words in PRODUCT_LOGINS.values() for path in words().paths}
    sign_in = {SIGN_IN_PATH, SIGN_OUT_PATH, *of_products, *of_providers}
    assert shown == sign_in | forward_auth | dialects | admin | own | {*Normal.paths, DOCUMENT}


def test_the_table_of_refusals_has_every_code_with_its_status() -> None:
    shown = {code.strip("`"): int(status) for status, code, _ in rows("Refusals")}
    assert shown == {code.value: Refusal(code).status for code in RefusalCode}


def test_every_reason_of_a_look_up_is_named() -> None:
    assert all(f"`{reason.value}`" in pages.part(PAGE, "What a look-up answers") for reason in Reason)
