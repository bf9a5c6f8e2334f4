"""`candlecast`: all groups under one name, and the one place where a failure becomes a line and an exit code."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

import candlecast
from candlecast_cli import account, build, checkout, deployment, dlq, empty, history, local, restore, switch
from candlecast_cli.author import backtest, candles, parity, strategy, sweep, walk_forward
from candlecast_cli.failures import ExitCode, expected
from candlecast_cli.printing import LINES, examples, visible
from candlecast_cli.synthetic import command as synthetic
from candlecast_cli.watch import command as watch

# Typer's base of everything that is wrong with the words; its own module is private and has moved between versions.
UsageError = cast("type[Exception]", typer.BadParameter.__mro__[1])

HELP = """Serverless, multi-tenant trading: run the stack here, look at one in an AWS account, stop it.

Exit codes: 0 done, 1 failed, 2 wrong words, 3 something is missing here, 130 stopped by Ctrl-C.
A failure is one line on standard error: candlecast: CODE: what is wrong."""


class Candlecast(TyperGroup):
    """The root of all commands: failures end as one line, never as a traceback."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run one command and exit with its code; returns the code if `standalone_mode` is off."""
        try:
            words = [_readable(word) for word in (sys.argv[1:] if args is None else args)]
        except UnicodeDecodeError:
            return self._ended(
                _told("USAGE", "an argument is text neither in this locale nor in UTF-8", ExitCode.USAGE), standalone_mode
            )
        more = {"complete_var": complete_var, "windows_expand_args": windows_expand_args, **extra}
        return self._ended(self._run(words, prog_name or "candlecast", more), standalone_mode)

    def _ended(self, code: int, standalone_mode: bool) -> int:
        if standalone_mode:
            sys.exit(code)
        return code

    def _run(self, words: list[str], prog_name: str, more: Mapping[str, Any]) -> int:
        try:
            code = super().main(args=words, prog_name=prog_name, standalone_mode=False, **more)
        except checkout.HandOver as handed:
            return self._hand_over(handed, words)
        except UsageError as error:
            where = getattr(getattr(error, "ctx", None), "command_path", None) or self._meant(words, prog_name)
            return _told("USAGE", f"{_message(error)} See: {where} --help", ExitCode.USAGE)
        except typer.Abort:
            return _told("STOPPED", "stopped", ExitCode.INTERRUPTED)
        except Exception as error:
            failure = expected(error)
            if failure is None:
                raise
            return _told("", str(failure), failure.exit_code)
        if code == ExitCode.INTERRUPTED:
            return _told("STOPPED", "stopped", ExitCode.INTERRUPTED)
        return int(code) if isinstance(code, int) else ExitCode.DONE

    def _meant(self, words: list[str], prog_name: str) -> str:
        """The command that the words begin with, for errors that do not know theirs."""
        path, found = [prog_name], cast("Any", self)
        for word in words:
            found = getattr(found, "commands", {}).get(word)
            if found is None:
                break
            path.append(word)
        return " ".join(path)

    def _hand_over(self, handed: checkout.HandOver, words: list[str]) -> int:
        try:
            checkout.hand_over(handed.root, words)
        except Exception as error:
            failure = expected(error)
            if failure is None:
                raise
            return _told("", str(failure), failure.exit_code)


def _readable(word: str) -> str:
    """An argument as text. A locale without its letters leaves surrogates, which nothing can store; most are UTF-8.

    Raises UnicodeDecodeError for bytes that are no text.
    """
    try:
        word.encode()
    except UnicodeEncodeError:
        return os.fsencode(word).decode()
    return word


def _message(error: Any) -> str:
    """A usage error in one line; the list of choices of a missing argument stands on lines of its own.

    A group without a command has no message: its help was printed.
    """
    text = " ".join(str(error.format_message()).split()) or "A command is missing"
    return text if text.endswith((".", "?", ")")) else f"{text}."


def _told(code: str, message: str, exit_code: ExitCode) -> int:
    told = f"{code}: {message}" if code else message
    print(f"candlecast: {visible(told, keep=LINES)}", file=sys.stderr)
    return exit_code


app = typer.Typer(
    cls=Candlecast,
    help=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples("candlecast local up", "candlecast local order --watch", "candlecast dlq list --stack candlecast-prod"),
)
for group in (local, strategy, candles, account, history, dlq, switch, restore, deployment):
    app.add_typer(group.app, name=group.__name__.rpartition(".")[2])
app.command("backtest", epilog=backtest.EXAMPLES)(backtest.backtest)
app.command("sweep", epilog=sweep.EXAMPLES)(sweep.sweep)
app.command("walk-forward", epilog=walk_forward.EXAMPLES)(walk_forward.walk_forward)
app.command("parity", epilog=parity.EXAMPLES)(parity.parity)
app.command("build", epilog=build.EXAMPLES)(build.build)
app.command("empty", epilog=empty.EXAMPLES)(empty.empty)
app.command("synthetic", epilog=synthetic.EXAMPLES)(synthetic.synthetic)
app.command("watch", epilog=watch.EXAMPLES)(watch.watch)


def _version(asked: bool) -> None:
    if asked:
        print(f"candlecast {candlecast.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Hold the options of the command itself."""


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. A letter that the terminal's locale has not got is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return int(app(args=words, standalone_mode=False))
