"""`candlecast candles`: files of candles, checked and fetched."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from candlecast.domain.values.timeframe import EPOCH, Timeframe
from candlecast_cli.author.output import require_writable, write_whole
from candlecast_cli.failures import CommandFailed, ExitCode
from candlecast_cli.printing import AsJson, Steps, examples, moment, put_json, put_table, say, warn
from candlecast_cli.times import milliseconds

if TYPE_CHECKING:
    from candlecast.backtest.candle_table import CandleTable
    from candlecast_cli.author.downloads import Ask, PartFile, Span

FORMS = (".csv", ".csv.gz")
ATTEMPTS = 5  # of a request that a venue or the line to it fails
FIRST_PAUSE_SECONDS = 1.0  # doubled with each attempt, so the last comes after a quarter of a minute
AGAIN_SECONDS = 1.0  # before an empty answer is asked for again
REQUEST_TIMEOUT_MS = 20_000
MAX_NAMED = 5  # names like the unknown one
MAX_TOLD = 200  # characters of a venue's own words

app = typer.Typer(
    help="Files of candles: check one, or fetch one from an exchange.",
    no_args_is_help=True,
    epilog=examples(
        "candlecast candles check candles.csv.gz",
        "candlecast candles fetch binanceusdm BTC/USDT:USDT 1h --from 2024-01-01 --to 2024-06-30 --out btc-1h.csv.gz",
    ),
)


@app.command(epilog=examples("candlecast candles check candles.csv.gz", "candlecast candles check candles.parquet --json"))
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Candles: .csv, .csv.gz or .parquet.")],
    as_json: AsJson = False,
) -> None:
    """Say what a file of candles holds: its timeframe, its span, its gaps and repeated, unordered or misaligned rows.

    A backtest takes a file with such notes, and reports them. Exits with 1 if there are any, or if the file is refused.
    """
    from candlecast.backtest.candle_table import read_candle_table

    table = read_candle_table(file)
    _show(table, as_json=as_json)
    if notes := table.notes.notes:
        raise CommandFailed("CANDLE_FILE_NOTED", f"{file.name}: {', '.join(note.code for note in notes)}")


@app.command(
    epilog=examples(
        "candlecast candles fetch binanceusdm BTC/USDT:USDT 1h --from 2024-01-01 --to 2024-06-30 --out btc-1h.csv.gz",
        "candlecast candles fetch kraken BTC/USD 1d --from 2024-01-01 --out btc-1d.csv",
        "candlecast candles fetch binanceusdm BTC/USDT:USDT 5m --from 2024-01-01 --out btc.csv.gz --base-url http://localhost:8770",
    )
)
def fetch(
    exchange: Annotated[str, typer.Argument(metavar="EXCHANGE", help="ccxt's name of it: binanceusdm, bybit, kraken, ...")],
    market: Annotated[str, typer.Argument(metavar="MARKET", help="ccxt's symbol: BTC/USDT, or BTC/USDT:USDT for the perpetual.")],
    timeframe: Annotated[Timeframe, typer.Argument(metavar="TIMEFRAME", help="1m, 5m, 1h, 1d, ..., as the exchange has them.")],
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="First day, instant (UTC) or ms.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The file to write: .csv.gz or .csv. Never overwritten.")],
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Last day, or the instant or ms of the end; without it, now.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option("--base-url", metavar="URL", help="Instead of the exchange's own host: a paper exchange.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch closed candles of a market into a file, and say which are missing. It needs the extra `fetch`.

    A call that was stopped goes on where it was when the same words are typed again: FILE.part has what came so far. The newest
    candle is left out until a later one shows that it has closed.
    """
    from candlecast.backtest.candle_table import read_candle_table
    from candlecast_cli.author.downloads import PartFile

    _require_new(out)
    begin, end = milliseconds("--from", since, end=False), milliseconds("--to", until, end=True)
    words = {"exchange": exchange, "market": market, "timeframe": timeframe.value, "from": since, "to": until or ""}
    part = PartFile(out.with_name(f"{out.name}.part"), words | ({"base_url": base_url} if base_url else {}))
    with Steps() as steps:
        steps.step(f"asking {exchange} for its markets")
        client = _client(exchange, base_url)
        _require_served(client, market, timeframe)
        span = _span(client, timeframe, begin or 0, end)
        rows = _download(_asking(client, market, timeframe), span, part, steps.step)
    if rows < 2:
        part.path.unlink()
        raise CommandFailed("NO_CANDLES", f"{exchange} has {rows or 'no'} closed candles of {market} in this span")
    text = part.candles().encode()
    write_whole(out, lambda path: _write(path, text))
    part.path.unlink()
    table = read_candle_table(out)
    first = int(table.candles.time[0])
    if first - span.start_ms >= span.step_ms:
        warn(f"the candles begin at {_shown(first)}: {exchange} has none from {_shown(span.start_ms)} on")
    for note in table.notes.notes:
        warn(str(note))
    _show(table, as_json=as_json)


def _show(table: CandleTable, *, as_json: bool) -> None:
    notes, times = table.notes, table.candles.time
    first, last = _shown(int(times[0])), _shown(int(times[-1]))
    if as_json:
        put_json(asdict(notes) | {"first": first, "last": last})
        return
    rows = (
        ("file", notes.file),
        ("timeframe", notes.timeframe),
        ("candles", f"{notes.rows} (rows in the file: {notes.rows_read}, times in {notes.time_unit})"),
        ("first opens", first),
        ("last opens", last),
        ("missing", notes.missing),
    )
    put_table(("", ""), rows)
    if notes.notes:
        put_table(("code", "count", "line", "what"), ((it.code, it.count, it.line, it.text) for it in notes.notes))


def _shown(time_ms: int) -> str:
    from candlecast.strategy.candles import MILLISECOND

    return moment(EPOCH + time_ms * MILLISECOND)


def _require_new(out: Path) -> None:
    if not out.name.endswith(FORMS):
        raise CommandFailed("CANDLE_FILE_FORM", f"{out.name}: a name must end with one of {', '.join(FORMS)}", ExitCode.USAGE)
    if out.exists():
        raise CommandFailed("FILE_EXISTS", f"{out} is there already, and stays as it is: choose another name")
    require_writable(out)


def _write(path: Path, text: bytes) -> None:
    path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)


def _client(exchange: str, base_url: str | None) -> Any:
    """ccxt's class of the exchange, without keys, at its own pace."""
    from candlecast.backtest.extras import load

    ccxt = load("ccxt", "fetch", "downloads of candles")
    if exchange not in ccxt.exchanges:
        message = f"ccxt has no exchange {exchange!r}{_like(exchange, ccxt.exchanges)}"
        raise CommandFailed("UNKNOWN_EXCHANGE", message, ExitCode.USAGE)
    options = {"enableRateLimit": True, "timeout": REQUEST_TIMEOUT_MS, "options": {"fetchCurrencies": False}}
    client = getattr(ccxt, exchange)({**options, "requests_trust_env": True})
    if base_url is not None:
        client.urls["api"] = _moved(client.urls["api"], base_url.rstrip("/"))
    return client


def _moved(urls: Any, base_url: str) -> Any:
    """All addresses of an exchange at another host."""
    if isinstance(urls, dict):
        return {name: _moved(url, base_url) for name, url in urls.items()}
    return base_url + urlsplit(urls).path


def _like(name: str, known: Any) -> str:
    near = get_close_matches(name, list(known), MAX_NAMED)
    return f": did you mean {', '.join(near)}?" if near else ""


def _require_served(client: Any, market: str, timeframe: Timeframe) -> None:
    _answered(client, client.load_markets)
    if market not in client.markets:
        message = f"{client.id} has no market {market!r}{_like(market, client.markets)}"
        raise CommandFailed("UNKNOWN_MARKET", message, ExitCode.USAGE)
    if not client.has.get("fetchOHLCV") or timeframe.value not in (client.timeframes or {}):
        served = ", ".join(client.timeframes or ()) or "none"
        raise CommandFailed("TIMEFRAME_NOT_SERVED", f"{client.id} has no candles of {timeframe}: {served}", ExitCode.USAGE)


def _span(client: Any, timeframe: Timeframe, begin: int, end: int | None) -> Span:
    """The candles that are wanted. A candle has closed by the earlier of two clocks, the venue's and ours."""
    from candlecast_cli.author.downloads import Span

    ours = time.time_ns() // 1_000_000
    theirs = _answered(client, client.fetch_time) if client.has.get("fetchTime") is True else ours
    now = min(ours, theirs) if isinstance(theirs, int) else ours
    step = timeframe.milliseconds
    start = -(-begin // step) * step
    span = Span(start_ms=start, end_ms=now if end is None else min(end, now), step_ms=step, now_ms=now)
    if span.start_ms >= span.end_ms:
        raise CommandFailed("USAGE", "--from is not before --to, or not in the past", ExitCode.USAGE)
    return span


def _asking(client: Any, market: str, timeframe: Timeframe) -> Ask:
    return lambda since, limit: _answered(client, lambda: client.fetch_ohlcv(market, timeframe.value, since, limit))


def _answered[T](client: Any, request: Callable[[], T]) -> T:
    """Ask, again and more slowly while the venue or the line to it fails. Raises VENUE_UNREACHABLE or VENUE_REFUSED."""
    from candlecast.backtest.extras import load

    ccxt = load("ccxt", "fetch", "downloads of candles")
    passing = (ccxt.NetworkError, ccxt.BadResponse, LookupError, TypeError, ValueError)  # the last three: answers without a shape
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return request()
        except passing as error:
            failure = error
            if attempt < ATTEMPTS:
                time.sleep(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
        except ccxt.BaseError as error:
            raise CommandFailed("VENUE_REFUSED", f"{client.id}: {_told(error)}") from error
    message = f"{client.id} failed {ATTEMPTS} times ({_told(failure)}): the same words, typed later, go on from here"
    raise CommandFailed("VENUE_UNREACHABLE", message) from failure


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:MAX_TOLD]


def _download(ask: Ask, span: Span, part: PartFile, told: Callable[[str], None]) -> int:
    """Fill the part file; how many candles it has."""
    from candlecast_cli.author.downloads import pages

    last = part.begin()
    rows = 0 if last is None else len(part.candles().splitlines()) - 1
    if last is not None:
        say(f"going on after {_shown(last)}")
        span = replace(span, start_ms=last + span.step_ms)
    shown = -1
    for page in pages(ask, span, again=lambda: time.sleep(AGAIN_SECONDS)):
        part.add(page)
        rows += len(page)
        if page:
            tenth = 10 * (page[-1][0] - span.start_ms) // (span.end_ms - span.start_ms)
            if tenth > shown:
                told(f"{rows:,} candles, up to {_shown(page[-1][0])}")
                shown = tenth
    return rows
