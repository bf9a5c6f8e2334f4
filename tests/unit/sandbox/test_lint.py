"""The lint tells an author what will not work, with the line, and parses hostile texts without harm."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from candlecast.domain.strategies.versions import MAX_SOURCE_BYTES
from candlecast.sandbox.lint import MAX_TOKENS, lint
from candlecast.sandbox.protocol import SandboxRefusal
from tests.support.sandbox import FIRST_LINE, HONEST, source

ROOT = Path(__file__).resolve().parents[3]


def refused(text: str | bytes) -> SandboxRefusal:
    with pytest.raises(SandboxRefusal) as told:
        lint(text.encode() if isinstance(text, str) else text)
    assert told.value.code == "STRATEGY_FILE_INVALID"
    return told.value


@pytest.mark.parametrize("path", sorted((ROOT / "strategies").glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_every_built_in_strategy_could_be_uploaded(path: Path) -> None:
    assert lint(path.read_bytes()) == ()


def test_a_syntax_error_is_told_with_its_line() -> None:
    found = refused(source("return )\n"))
    assert found.line == FIRST_LINE
    assert found.message.startswith(f"strategy.py:{found.line}: ")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("import os\n", "'os'"),
        ("import numpy, socket\n", "'socket'"),
        ("from pandas import DataFrame\n", "'pandas'"),
        ("from numpy.random import default_rng\n", "'numpy.random'"),
        ("import numpy.ctypeslib\n", "'numpy.ctypeslib'"),
        ("from candlecast import domain\n", "'candlecast.domain'"),
        ("import candlecast.sandbox.child\n", "'candlecast.sandbox.child'"),
        ("from . import other\n", "'.'"),
        ("import time\n", "'time'"),
        ("import random\n", "'random'"),
    ],
)
def test_an_import_that_does_not_exist_there_is_told_with_its_line(line: str, name: str) -> None:
    found = refused(source(before=f"x = 1\n{line}"))
    assert found.line == 2
    assert f"module {name} is not available in the sandbox; available are " in found.message
    assert "math" in found.message


def test_an_import_within_a_function_counts_too() -> None:
    assert "'os'" in refused(source("import os\n" + HONEST)).message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\n", "this one no class"),
        (source() + "\n\nclass Other(Strategy[Settings]):\n    pass\n", "Uploaded (line 12), Other (line 25)"),
        ("class Plain(Strategy):\n    pass\n", "this one no class"),
    ],
)
def test_there_is_exactly_one_class(text: str, told: str) -> None:
    assert told in refused(text).message


def test_the_class_may_have_been_imported_under_another_name() -> None:
    text = source().replace("Strategy, parameter", "Strategy as Rule, parameter").replace("Strategy[", "Rule[")
    assert lint(text.encode()) == ()


def test_what_will_not_work_is_a_hint_with_its_line_and_no_refusal() -> None:
    body = 'open("x")\nnp.load("y")\n().__class__.__base__.__subclasses__()\n' + HONEST
    found = lint(source(body).encode())
    assert [(hint.line - FIRST_LINE, hint.message.split()[0]) for hint in found] == [
        (0, "open"),
        (1, "numpy.load"),
        (2, "__subclasses__"),
        (2, "__base__"),
    ]


def test_texts_that_are_no_source_are_refused_with_a_line_where_there_is_one() -> None:
    assert refused(b"x = 1\ny = '\xff'\n").line == 2
    assert refused(b"x = 1\n\n\0").line == 3
    assert "over" in refused(b"#" * (MAX_SOURCE_BYTES + 1)).message
    assert refused("(" * 5000).code == "STRATEGY_FILE_INVALID"
    assert refused("x = " + "-" * 200_000 + "1").code == "STRATEGY_FILE_INVALID"
    assert refused("x = " + ".y".join(["x"] * 1) + "[0]" * 100_000).code == "STRATEGY_FILE_INVALID"


def test_a_warning_of_the_compiler_is_no_error() -> None:
    assert lint(source(before='PATTERN = "\\d"\n').encode()) == ()


def test_lint_and_protocol_need_no_numpy() -> None:
    code = (
        "import sys; import candlecast.sandbox.lint, candlecast.sandbox.protocol, candlecast.sandbox.parent\n"
        "print([name for name in ('numpy', 'boto3', 'candlecast.strategy') if name in sys.modules])"
    )
    search = str(ROOT / "layers" / "core")
    found = subprocess.run(  # noqa: S603
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {search!r})\n{code}"], check=True, capture_output=True, text=True
    )
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("part", ["a\n", "0;", 'f"{0}"\n', "a=0,0\n", "0<0\n"], ids=str.strip)
def test_a_text_with_more_parts_than_the_api_can_parse_is_refused_unparsed(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A megabyte of short lines would take a gigabyte of the API."""
    monkeypatch.setattr("ast.parse", lambda *_: pytest.fail("parsed"))
    found = refused(source() + part * (MAX_SOURCE_BYTES // len(part) - 1_000))
    assert f"over {MAX_TOKENS} names, numbers and signs" in found.message
    assert (found.line or 0) > FIRST_LINE or "\n" not in part


def test_a_large_text_of_few_parts_is_parsed() -> None:
    assert lint((source() + "#" * 900_000).encode()) == ()
