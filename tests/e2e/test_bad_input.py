"""Wrong input ends with status 2 and one line that says what and where, before anything is started."""

import gzip
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.candle_files import sample_files
from infra.local.cloud import Cloud
from infra.local.project import ROOT, CommandError

COMMAND_SECONDS = 600  # for one that hangs
DEMO = "demo"


def demo(*arguments: str) -> str:
    """The demo's message as it refuses its input. Nothing else is on standard error."""
    command = [str(ROOT / ".venvs" / "dev" / "bin" / "candlecast"), "local", "demo", *arguments]
    outcome = subprocess.run(  # noqa: S603
        command, cwd=ROOT, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
    )
    assert outcome.returncode == 2, outcome.stdout
    assert outcome.stdout == ""
    assert len(outcome.stderr.splitlines()) == 1, outcome.stderr
    assert outcome.stderr.startswith("candlecast: ")
    assert not Cloud(DEMO).running()
    return outcome.stderr


@pytest.fixture
def rows() -> list[str]:
    """The lines of a good candle file."""
    with gzip.open(sample_files()[0], "rt", encoding="utf-8") as file:
        return file.read().splitlines()


def written(folder: Path, lines: list[str], name: str = "BTC-USDT-perp-1m-test.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_missing_candle_file_is_named() -> None:
    said = demo("--candles", "no/such/BTC-USDT-perp-1m.csv.gz")
    assert "no/such/BTC-USDT-perp-1m.csv.gz: no such file" in said
    assert "CANDLE_FILE_MISSING" in said


def test_a_broken_row_is_named_by_its_line(tmp_path: Path, rows: list[str]) -> None:
    broken = rows[7].split(",")
    path = written(tmp_path, [*rows[:7], ",".join([broken[0], "twelve", *broken[2:]]), *rows[8:]])
    said = demo("--candles", str(path))
    assert f"{path}:8: open 'twelve' is no number" in said
    assert "CANDLE_FILE_NUMBER" in said


def test_a_gap_between_candles_is_named(tmp_path: Path, rows: list[str]) -> None:
    said = demo("--candles", str(written(tmp_path, [*rows[:20], *rows[21:]])))
    assert "candles are missing between" in said
    assert "CANDLE_FILE_GAP" in said


def test_a_file_that_ends_in_the_middle_of_its_compression_is_named(tmp_path: Path) -> None:
    path = tmp_path / "BTC-USDT-perp-1m-cut.csv.gz"
    path.write_bytes(sample_files()[0].read_bytes()[:2000])
    said = demo("--candles", str(path))
    assert str(path) in said
    assert "CANDLE_FILE_UNREADABLE" in said


def test_an_unknown_market_says_what_a_name_must_look_like(tmp_path: Path, rows: list[str]) -> None:
    said = demo("--candles", str(written(tmp_path, rows, "candles.csv")))
    assert "candles.csv: the name gives no market; expected BASE-QUOTE-perp-TIMEFRAME" in said
    assert "MARKET_UNKNOWN" in said


def test_a_file_with_too_few_rows_says_how_many_are_needed(tmp_path: Path, rows: list[str]) -> None:
    said = demo("--candle-count", "60", "--candles", str(written(tmp_path, rows[:101])))
    assert "100 rows, at least 360 are needed" in said
    assert "CANDLE_FILE_TOO_SHORT" in said


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--users", "0"), "USERS must be between 1 and"),
        (("--users", "-3"), "USERS must be between 1 and"),
        (("--users", "1000000"), "USERS must be between 1 and"),
        (("--candle-count", "0"), "CANDLE_COUNT must be at least 1"),
    ],
)
def test_a_size_that_makes_no_sense_is_refused_with_its_bounds(arguments: tuple[str, ...], reason: str) -> None:
    assert reason in demo(*arguments)


def test_two_files_of_one_market_are_refused(tmp_path: Path, rows: list[str]) -> None:
    again = written(tmp_path, rows)
    assert "each file must be of another market" in demo("--candles", f"{sample_files()[0]},{again}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    outcome = subprocess.run(mount, capture_output=True, text=True, check=False)  # noqa: S603
    if outcome.returncode:
        pytest.skip(f"mounting needs more rights than there are here: {outcome.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)  # noqa: S603, S607


def test_a_full_disk_is_a_clear_error_and_leaves_nothing_running(small_disk: Path) -> None:
    cloud = Cloud("test-e2e-disk", state=small_disk / "state")
    with pytest.raises(CommandError, match=r"state folder .*disk/state \(No space left on device\): it needs \d+ MB"):
        cloud.start()
    assert cloud._process is None
