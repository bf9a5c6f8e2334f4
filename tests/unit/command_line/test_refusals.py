"""Wrong input ends as one line with a stable code, never as a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from candlecast.backtest.extras import ExtraMissing
from candlecast.domain.values.errors import Conflict
from candlecast.strategy import StrategyError
from candlecast_cli import checkout, stacks
from candlecast_cli.failures import CommandFailed, ExitCode, expected, require_extra
from infra.local import cloud as embedded
from infra.local.project import ROOT, CommandError
from tests.unit.command_line.running import refused, run

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fly",), "No such command 'fly'"),
        (("local", "logz"), "Did you mean 'logs'"),
        (("local", "up", "--uers", "3"), "No such option"),
        (("local", "up", "--users", "many"), "--users"),
        (("local", "up", "--users", "0"), "between 1 and"),
        (("local", "demo", "--candle-count", "0"), "CANDLE_COUNT must be at least 1"),
        (("local", "chaos", "--kills", "0"), "KILLS must be at least 1"),
        (("local", "token", "nobody"), "no e-mail address"),
        (("local", "keys", "--balance", "much"), "'much' is no number"),
        (("local", "keys", "--balance", "NaN"), "more than 0"),
        (("local", "keys", "--balance", "-1"), "more than 0"),
        (("local", "keys", "--asset", "usd t"), "no asset"),
        (("local", "order", "--notional", "0"), "more than 0"),
        (("local", "deploy", "--parameter", "LogLevel"), "NAME=VALUE"),
        (("dlq", "show", "trade"), "Missing argument"),
        (("local", "status", "--output"), "See: candlecast local status --help"),
        (("dlq", "list", "--limit", "0"), "--limit"),
        (("account", "show", "account-1"), "--tenant TENANT_ID or --email ADDRESS"),
        (("account", "show", "account-1", "--tenant", "a", "--email", "b@example.com"), "--tenant TENANT_ID or --email"),
        (("account", "show", "account#1", "--tenant", "a"), "cannot be one"),
        (("account", "list", "--tenant", "a#b"), "cannot be one"),
        (("switch", "set", "platform", "all", "--grade", "HALT_ALL", "--reason", "x"), "has no id"),
        (("switch", "set", "strategy", "--grade", "HALT_ALL", "--reason", "x"), "needs its id"),
        (("switch", "set", "user", "a#b", "--grade", "HALT_ALL", "--reason", "x"), "needs its id"),
        (("switch", "set", "platform", "--grade", "HALT_ALL", "--reason", " "), "a reason says something"),
        (("dlq", "list", "--region", "eu-central-1"), "belong to --stack"),
    ],
)
def test_wrong_words_are_one_line(words: tuple[str, ...], said: str) -> None:
    assert said in refused(2, "USAGE", *words)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("UNKNOWN_QUEUE", ("dlq", "list", "nonsense")),
        ("UNKNOWN_QUEUE", ("dlq", "drop", "nonsense", "letter-1")),
        ("UNKNOWN_ARCHITECTURE", ("build", "--architecture", "mips")),
        ("UNKNOWN_ACTION", ("local", "order", "--action", "hold")),
        ("UNKNOWN_SCOPE", ("switch", "lift", "moon")),
        ("UNKNOWN_GRADE", ("switch", "set", "platform", "--grade", "STOP", "--reason", "x")),
        ("UNKNOWN_INSTANCE", ("local", "status", "--name", "../elsewhere")),
        ("UNKNOWN_INSTANCE", ("local", "up", "--name", "../elsewhere")),
    ],
)
def test_unknown_names_are_refused_with_the_known_ones(
    code: str, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkout, "prepare", lambda *_: None)
    refused(2, code, *words)


def test_a_candle_file_that_is_missing_is_refused_by_its_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkout, "prepare", lambda *_: None)
    assert "no/such.csv: no such file" in refused(2, "CANDLE_FILE_MISSING", "local", "demo", "--candles", "no/such.csv")


@pytest.mark.parametrize(
    "words",
    [
        ("local", "status"),
        ("local", "logs"),
        ("local", "down"),
        ("local", "token"),
        ("local", "order"),
        ("dlq", "list"),
        ("switch", "show"),
    ],
)
def test_an_instance_that_does_not_run_is_named(words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "CLOUDS", tmp_path)
    assert "candlecast local up --name nowhere" in refused(3, "INSTANCE_NOT_RUNNING", *words, "--name", "nowhere")


def test_outside_of_a_checkout_local_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkout, "is_inside", lambda: False)
    monkeypatch.chdir(tmp_path)
    assert "clone the repository" in refused(3, "NOT_A_CHECKOUT", "local", "up")
    assert "clone the repository" in refused(3, "NOT_A_CHECKOUT", "build")
    assert "by --stack" in refused(3, "NOT_A_CHECKOUT", "dlq", "list")


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like a checkout, whose script would run; a person stands in a folder below it."""
    for mark in checkout.MARKS:
        (tmp_path / mark).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / mark).write_text(f"touch {tmp_path}/owned\n", encoding="utf-8")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(checkout, "is_inside", lambda: False)
    monkeypatch.setattr(os, "execve", lambda *_told: pytest.fail("ran the code of somebody else"))
    return tmp_path


@pytest.mark.parametrize("place", [".", "infra/local", "infra/local/bootstrap.sh"])
def test_a_checkout_that_anybody_can_write_is_not_run(place: str, planted: Path) -> None:
    (planted / place).chmod(0o1777)  # as /tmp is
    assert "others can change" in refused(1, "CHECKOUT_NOT_YOURS", "local", "up")
    assert not (planted / "owned").exists()


def test_a_checkout_of_another_user_is_not_run(planted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    if planted.stat().st_uid == 0:  # what root owns is as trusted as the command itself
        os.chown(planted, 4712, -1)
    assert str(planted) in refused(1, "CHECKOUT_NOT_YOURS", "account", "list", "--tenant", "a")
    assert not (planted / "owned").exists()


def test_behind_sudo_the_callers_own_checkout_is_run(planted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = planted.stat().st_uid or 4711
    if planted.stat().st_uid == 0:
        os.chown(planted, owner, -1)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.delenv("SUDO_UID", raising=False)
    assert checkout.writable_by_others(planted) == planted
    monkeypatch.setenv("SUDO_UID", str(owner))
    assert checkout.writable_by_others(planted) is None


def test_installed_elsewhere_it_runs_the_checkouts_own_command(monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[tuple[Path, list[str], dict[str, str]]] = []
    monkeypatch.setattr(checkout, "is_inside", lambda: False)
    monkeypatch.setattr(checkout, "prepare", lambda _root: None)
    monkeypatch.setattr(os, "execve", lambda *told: became.append(told))
    monkeypatch.setenv("PYTHONPATH", "/of/the/installation")
    monkeypatch.chdir(ROOT / "docs")
    with pytest.raises(SystemExit):  # the real one does not come back
        checkout_main("local", "status", "--name", "second")
    ((program, words, environment),) = became
    assert program == ROOT / ".venvs/dev/bin/candlecast"
    assert words[1:] == ["local", "status", "--name", "second"]
    assert "PYTHONPATH" not in environment


def checkout_main(*words: str) -> None:
    result = run(*words)
    raise SystemExit(result.exit_code)


def test_words_in_a_locale_without_their_letters_are_read_and_shown(tmp_path: Path) -> None:
    ascii_only = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}

    def say(name: bytes) -> tuple[int, str]:
        command: list[str | bytes] = [sys.executable, "-P", "-m", "candlecast_cli", "switch", "lift", name]
        done = subprocess.run(command, env=ascii_only, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603
        return done.returncode, done.stderr

    assert say("Börse".encode()) == (
        2,
        "candlecast: UNKNOWN_SCOPE: there is no scope called 'B\\xf6rse': organisation, platform, strategy, user\n",
    )
    assert say(b"\xff") == (2, "candlecast: USAGE: an argument is text neither in this locale nor in UTF-8\n")


def test_two_commands_never_hand_over_to_each_other_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkout, "is_inside", lambda: False)
    monkeypatch.setenv(checkout.HANDED_OVER, "1")
    monkeypatch.chdir(ROOT)
    refused(3, "ENVIRONMENT_BROKEN", "local", "status")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandFailed, match=r"EXTRA_MISSING: needs, in a checkout: pip install '\.\[aws\]' \(no_such_sdk is not"):
        require_extra("aws", "json", "no_such_sdk")
    monkeypatch.setattr(stacks, "MODULES", ("no_such_sdk",))
    refused(3, "EXTRA_MISSING", "account", "list", "--tenant", "a", "--stack", "s")


def test_a_profile_that_does_not_exist_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    assert "nobody" in refused(1, "AWS_CREDENTIALS", "dlq", "list", "--stack", "s", "--profile", "nobody")


def test_failures_keep_their_codes_and_bugs_stay_bugs() -> None:
    refusal = expected(Conflict("HELD_BY_OPERATIONS", "operations have set this switch"))
    assert str(refusal) == "HELD_BY_OPERATIONS: operations have set this switch"
    assert refusal is not None
    assert refusal.exit_code == ExitCode.FAILED
    unknown = expected(StrategyError("STRATEGY_UNKNOWN", "there is no such strategy"))
    assert unknown is not None
    assert unknown.exit_code == ExitCode.USAGE
    missing = expected(ExtraMissing("EXTRA_MISSING", "pictures need the extra [plot]"))
    assert missing is not None
    assert missing.exit_code == ExitCode.MISSING
    failed = expected(CommandError("no such stack", "NOT_DEPLOYED", 3))
    assert failed is not None
    assert (failed.code, failed.exit_code) == ("NOT_DEPLOYED", ExitCode.MISSING)
    assert expected(KeyError("a bug")) is None
    assert sys.modules["infra.local.project"].CommandError is CommandError
