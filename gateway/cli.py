"""The command line: the arguments of each command, and the function that it calls.

Commands are imported when they run, so that `gateway check` does not wait for a server's libraries, and `--help` for
none.
Exit codes: 0 done, 1 problems, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway import __version__
from gateway.commands.argument_types import header, port, seconds
from gateway.commands.directory_arguments import DirectoryArguments
from gateway.commands.front_arguments import add_front
from gateway.model.errors import GatewayError, RecordsError, SettingsError
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.model.url import without_passwords

if TYPE_CHECKING:
    from gateway.commands.command_output import CommandResult

_TARGETS = {
    "session": RevocationKind.SESSION,
    "user": RevocationKind.USER,
    "api_key": RevocationKind.API_KEY,
    "organization": RevocationKind.ORGANIZATION,
}

_YOUNG_OBJECTS = 50_000
"""New objects until the collector looks for cycles: what a command imports are no cycles, and it ends soon."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (default: the process' own) name; return the exit code."""
    _claim_descriptors()
    gc.set_threshold(_YOUNG_OBJECTS)
    options = _parser().parse_args(arguments)
    from gateway.commands.command_output import open_log  # noqa: PLC0415 - see the module's docstring

    options.audit = open_log()
    try:
        if sys.stdout is None:
            raise GatewayError("standard output is closed: there is nowhere to write to")  # noqa: TRY301 - told as any
        code = int(options.command(options))
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has left, `head` for one
        return _give_up_output()
    except (SettingsError, RecordsError) as error:  # each line of these begins with a file name
        sys.stderr.write(f"{error}\n")
    except GatewayError as error:
        sys.stderr.write(f"gateway: {without_passwords(str(error))}\n")
    except KeyboardInterrupt:
        return 130
    else:
        return code
    return 1


def _claim_descriptors() -> None:
    """Fill what is closed of standard input, output and error.

    Else the next file or socket would get that number, and what is written for a person would go into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - as long as the process lives


def _give_up_output() -> int:
    """Let the interpreter's last flush succeed, which would print a traceback; return the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _print(command: Coroutine[Any, Any, CommandResult]) -> int:
    """Run a command to its end and print its result; return the exit code."""
    return _print_result(asyncio.run(command))


def _print_result(result: CommandResult) -> int:
    if result.output:
        sys.stdout.write(f"{result.output}\n")
    if result.note:
        sys.stderr.write(f"gateway: {result.note}\n")
    return 0 if result.succeeded else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gateway", description="An authenticating reverse proxy.")
    parser.add_argument("--version", action="version", version=f"gateway {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_demo(commands.add_parser("demo", help="everything embedded, on loopback"))
    _add_serve(commands.add_parser("serve", help="run"))
    _add_check(commands.add_parser("check", help="print every problem of a config"))
    DirectoryArguments(_print).add(commands.add_parser("directory", help="what our own directory knows, and its keys"))
    _add_explain(commands.add_parser("explain", help="print what would be decided about a request, and why"))
    _add_test(commands.add_parser("test", help="judge a file of cases, without a network"))
    add_front(commands.add_parser("front", help="print the config of a proxy that asks the gateway"), _print_result)
    _add_top(commands.add_parser("top", help="show what a running gateway does"))
    _add_revoke(commands.add_parser("revoke", help="end a session, or all of a user, API key or organization"))
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="the config (YAML)")


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=port, default=8080, help="public port, 0 for any (default 8080)")
    parser.add_argument("--admin-port", type=port, default=9090, help="admin port, 0 for any (default 9090)")
    parser.add_argument("--credentials", type=Path, metavar="FILE", help="write the demo's credentials there as JSON")
    parser.set_defaults(command=_demo)


def _demo(options: argparse.Namespace) -> int:
    from gateway.demo.start import run  # noqa: PLC0415 - see the module's docstring

    if options.port == options.admin_port != 0:
        raise GatewayError("--port and --admin-port are the same: each needs a port of its own")
    return run(options.port, options.admin_port, options.credentials)


def _add_serve(parser: argparse.ArgumentParser) -> None:
    _add_config(parser)
    parser.set_defaults(command=_serve)


def _serve(options: argparse.Namespace) -> int:
    from gateway.commands.serve import run  # noqa: PLC0415 - see the module's docstring

    return run(options.config)


def _add_check(parser: argparse.ArgumentParser) -> None:
    _add_config(parser)
    parser.set_defaults(command=_check)


def _check(options: argparse.Namespace) -> int:
    from gateway.config.load import check_file  # noqa: PLC0415 - see the module's docstring

    checked = check_file(options.config, os.environ)
    for problem in checked.problems:
        sys.stdout.write(f"{problem}\n")
    if not checked.problems:
        sys.stdout.write(f"{options.config}: no problems\n")
    return 0 if checked.settings is not None else 1


def _add_explain(parser: argparse.ArgumentParser) -> None:
    _add_config(parser)
    parser.add_argument(
        "-H", "--header", dest="headers", type=header, action="append", default=[], metavar="'NAME: VALUE'"
    )
    parser.add_argument("--case", action="store_true", help="print it as a case for `gateway test`")
    parser.add_argument(
        "--session-info", metavar="AUTHORITY", help="print what an answer of this remote authority would become instead"
    )
    parser.add_argument("--answer", type=Path, metavar="FILE", help="the answer's JSON, else standard input")
    parser.add_argument("--status", type=int, default=200, help="the answer's status (default 200)")
    parser.add_argument("method", metavar="METHOD", nargs="?")
    parser.add_argument("url", metavar="URL", nargs="?", help="https://api.example.com/orders/7, or a path alone")
    parser.set_defaults(command=_explain, misunderstood=parser.error)


def _explain(options: argparse.Namespace) -> int:
    from gateway.commands.explain import explain  # noqa: PLC0415 - see the module's docstring

    if options.session_info is not None:
        from gateway.commands.explain_answer import explain_answer  # noqa: PLC0415 - see the module's docstring

        return _print(explain_answer(options.config, options.session_info, options.answer, options.status))
    if options.url is None:
        options.misunderstood("METHOD and URL are required, or --session-info AUTHORITY")
    headers = tuple(options.headers)
    return _print(explain(options.config, options.method, options.url, headers, as_case=options.case))


def _add_test(parser: argparse.ArgumentParser) -> None:
    _add_config(parser)
    parser.add_argument("cases", type=Path, metavar="CASES", help="requests, who calls, and what is expected (YAML)")
    parser.set_defaults(command=_test)


def _test(options: argparse.Namespace) -> int:
    from gateway.commands.judge_cases import judge_cases  # noqa: PLC0415 - see the module's docstring

    return _print(judge_cases(options.config, options.cases))


def _add_top(parser: argparse.ArgumentParser) -> None:
    _add_config(parser)
    parser.add_argument("--interval", type=seconds, default=2.0, metavar="SECONDS", help="between two looks (2)")
    parser.add_argument("--once", action="store_true", help="show one interval, and end")
    parser.set_defaults(command=_top)


def _top(options: argparse.Namespace) -> int:
    from gateway.commands.top import top  # noqa: PLC0415 - see the module's docstring

    return _print(top(options.config, options.interval, once=options.once))


def _add_revoke(parser: argparse.ArgumentParser) -> None:
    _add_config(parser)
    target = parser.add_mutually_exclusive_group(required=True)
    for name in _TARGETS:
        target.add_argument(f"--{name.replace('_', '-')}", metavar="ID")
    parser.set_defaults(command=_revoke)


def _revoke(options: argparse.Namespace) -> int:
    from gateway.commands.revoke import revoke  # noqa: PLC0415 - see the module's docstring

    (target,) = [
        RevocationTarget(kind, value)
        for name, kind in _TARGETS.items()
        if (value := getattr(options, name)) is not None
    ]
    return _print(revoke(options.config, target, options.audit))
