"""Pages of candles end, are whole and closed, and no answer of a venue is believed before it was looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from candlecast_cli.author import downloads
from candlecast_cli.author.downloads import DownloadError, PartFile, Row, Span, pages

STEP = 60_000
START = 1_640_995_200_000
WORDS = {"exchange": "paper", "market": "BTC/USDT:USDT"}


def row(number: int, close: float = 100.0) -> Row:
    return START + number * STEP, 100.0, 120.0, 80.0, close, 5.0


def span(first: int = 0, last: int = 100, now: int = 1_000_000) -> Span:
    return Span(start_ms=START + first * STEP, end_ms=START + last * STEP, step_ms=STEP, now_ms=START + now * STEP)


class Venue:
    """Answers as venues do: the first `size` candles from a time on, or the newest."""

    def __init__(self, rows: list[Row], size: int = 10, window: int | None = None) -> None:
        self.rows, self.size, self.window = rows, size, window
        self.asked: list[int | None] = []
        self.again = 0

    def __call__(self, since: int | None, limit: int) -> Any:
        self.asked.append(since)
        if since is None:
            return [list(it) for it in self.rows[-limit:]]
        last = float("inf") if self.window is None else since + self.window * STEP
        return [list(it) for it in self.rows if since <= it[0] < last][: self.size]

    def fetched(self, wanted: Span) -> list[int]:
        """The numbers of the candles that a download brings, in its order."""
        found = pages(self, wanted, again=self.wait)
        return [(it[0] - START) // STEP for page in found for it in page]

    def wait(self) -> None:
        self.again += 1


def refused(answer: Any) -> str:
    with pytest.raises(DownloadError) as error:
        list(pages(lambda _since, _limit: answer, span(), again=lambda: None))
    return error.value.code


def test_pages_follow_each_other_up_to_the_end_of_the_span() -> None:
    venue = Venue([row(number) for number in range(200)])
    assert venue.fetched(span(5, 57)) == list(range(5, 57))
    assert venue.asked == [START + number * STEP for number in (5, 15, 25, 35, 45, 55)]
    assert venue.again == 0


def test_a_page_that_ends_with_the_span_is_followed_by_one_question_more() -> None:
    venue = Venue([row(number) for number in range(200)])
    assert venue.fetched(span(0, 50)) == list(range(50))


def test_the_candle_in_the_making_is_left_out_by_the_clock() -> None:
    venue = Venue([row(number) for number in range(51)])
    assert venue.fetched(span(0, 100, now=50)) == list(range(50))


def test_the_newest_candle_counts_only_after_a_later_one_whatever_the_clock_says() -> None:
    venue = Venue([row(number) for number in range(51)])
    assert venue.fetched(span(0, 100)) == list(range(50))
    assert venue.again == 1


def test_an_empty_answer_is_asked_for_again() -> None:
    venue, hiccups = Venue([row(number) for number in range(200)]), [START + 20 * STEP]

    def ask(since: int | None, limit: int) -> Any:
        if since in hiccups:
            hiccups.clear()
            return []
        return venue(since, limit)

    found = [(it[0] - START) // STEP for page in pages(ask, span(0, 57), again=venue.wait) for it in page]
    assert found == list(range(57))
    assert venue.again == 1


def test_a_repeated_answer_ends_the_download_and_is_not_counted_twice() -> None:
    answer = [row(number) for number in range(10)]
    assert [it for page in pages(lambda _since, _limit: answer, span(), again=lambda: None) for it in page] == answer[:-1]


def test_a_hole_that_is_longer_than_a_page_is_crossed() -> None:
    held = [row(number) for number in (*range(20), *range(3_000, 3_050))]
    for window in (None, 1_000):
        venue = Venue(held, window=window)
        assert venue.fetched(span(0, 3_020)) == [*range(20), *range(3_000, 3_020)]


def test_a_span_before_the_first_candle_begins_with_the_first_candle() -> None:
    venue = Venue([row(number) for number in range(2_500, 2_600)], window=1_000)
    assert venue.fetched(span(0, 2_550)) == list(range(2_500, 2_550))


def test_a_span_without_candles_is_empty() -> None:
    assert Venue([]).fetched(span()) == []
    assert Venue([row(500), row(501)]).fetched(span()) == []


def test_rows_before_the_span_unordered_rows_and_equal_rows_are_put_right() -> None:
    answer = [row(3), row(1), row(2), row(2), row(-1), row(4)]
    found = [(it[0] - START) // STEP for page in pages(lambda _s, _l: answer, span(1, 4), again=lambda: None) for it in page]
    assert found == [1, 2, 3]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (None, "VENUE_ANSWER_INVALID"),
        ({}, "VENUE_ANSWER_INVALID"),
        ("[]", "VENUE_ANSWER_INVALID"),
        ([None], "VENUE_ANSWER_INVALID"),
        ([[START, 1, 2]], "VENUE_ANSWER_INVALID"),
        ([[START, None, 2, 1, 1, 1]], "VENUE_ANSWER_INVALID"),
        ([[START, 100, 90, 80, 100, 1]], "VENUE_ANSWER_INVALID"),
        ([[START, 100, 120, 0, 100, 1]], "VENUE_ANSWER_INVALID"),
        ([[START, 100, 120, 80, float("nan"), 1]], "VENUE_ANSWER_INVALID"),
        ([[START, 100, 120, 80, 100, -1]], "VENUE_ANSWER_INVALID"),
        ([list(row(1)), [START + STEP + 1, *row(1)[1:]]], "VENUE_ANSWER_INVALID"),
        ([list(row(1)), list(row(1, 101.0))], "VENUE_CONTRADICTS"),
    ],
)
def test_an_answer_that_no_market_can_give_is_refused(answer: Any, code: str) -> None:
    assert refused(answer) == code


def test_a_venue_that_always_goes_on_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "MAX_REQUESTS", 5)
    with pytest.raises(DownloadError) as error:
        Venue([row(number) for number in range(200)]).fetched(span())
    assert error.value.code == "DOWNLOAD_ENDLESS"


def test_a_download_goes_on_after_its_last_whole_line(tmp_path: Path) -> None:
    part = PartFile(tmp_path / "candles.csv.part", WORDS)
    assert part.begin() is None
    part.add([row(0), row(1)])
    with part.path.open("a", encoding="utf-8") as file:
        file.write(f"{START + 2 * STEP},100.0,1")  # what a crash leaves
    again = PartFile(part.path, WORDS)
    assert again.begin() == START + STEP
    again.add([row(2)])
    assert again.candles().splitlines() == [
        "timestamp,open,high,low,close,volume",
        *(f"{START + number * STEP},100.0,120.0,80.0,100.0,5.0" for number in range(3)),
    ]


def test_a_download_never_goes_on_in_another_ones_file(tmp_path: Path) -> None:
    PartFile(tmp_path / "candles.csv.part", WORDS).begin()
    other = PartFile(tmp_path / "candles.csv.part", WORDS | {"market": "ETH/USDT:USDT"})
    with pytest.raises(DownloadError) as error:
        other.begin()
    assert error.value.code == "DOWNLOAD_OF_OTHER_WORDS"
