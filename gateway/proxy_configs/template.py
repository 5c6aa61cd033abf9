"""The texts that the configs are filled into."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

_BLOCK = re.compile(r"(?m)^(?P<indent>[ \t]*)#= (?P<name>\w+)\n")
"""A line that stands for a block of lines. To each of the proxies it is a comment, so a template is a config too."""

_WORD = re.compile(r"<([a-z_]+)>")


def fill(template: str, blocks: Mapping[str, Sequence[str]], words: Mapping[str, str]) -> str:
    """Return the template of that name with its blocks and words; raises KeyError for one that is not given.

    A block's lines are indented as the line that stands for it; empty lines are not.
    """
    text = (files("gateway.proxy_configs") / "templates" / template).read_text(encoding="utf-8")

    def block(found: re.Match[str]) -> str:
        return "".join(f"{found['indent']}{line}\n" if line else "\n" for line in blocks[found["name"]])

    return _BLOCK.sub(block, _WORD.sub(lambda found: words[found[1]], text))
