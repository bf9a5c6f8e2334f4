"""Writes the candles of a CSV file as parquet in several forms and reads them again, where pyarrow is; JSON on stdout."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from candlecast.backtest.candle_table import CandleTableError, read_candle_table

COLUMNS = ("open", "high", "low", "close", "volume")


def main(source: Path, folder: Path) -> None:
    candles = read_candle_table(source).candles
    columns = {name.title(): pyarrow.array(getattr(candles, name)) for name in reversed(COLUMNS)}
    columns["symbol"] = pyarrow.array(["BTC"] * len(candles))
    time = candles.time
    path = folder / "candles.parquet"

    def answer(**changed: Any) -> Any:
        parquet.write_table(pyarrow.table({**columns, **changed}), path)
        try:
            table = read_candle_table(path)
        except CandleTableError as error:
            return [error.code, error.message.split(": ")[0]]
        same = all((getattr(table.candles, name) == getattr(candles, name)).all() for name in ("time", *COLUMNS))
        return [table.notes.time_unit, bool(same)]

    missing = candles.volume.tolist()
    missing[3] = None
    broken = candles.low.copy()
    broken[4] = 0
    found = {
        "seconds": answer(timestamp=pyarrow.array(time // 1000)),
        "milliseconds": answer(timestamp=pyarrow.array(time)),
        "microseconds": answer(timestamp=pyarrow.array(time * 1000)),
        "timestamps": answer(date=pyarrow.array(time).cast(pyarrow.timestamp("ms"))),
        "timestamps of a zone": answer(date=pyarrow.array(time * 1_000_000).cast(pyarrow.timestamp("ns", tz="UTC"))),
        "no time": answer(),
        "an empty cell": answer(time=pyarrow.array(time), Volume=pyarrow.array(missing)),
        "a broken price": answer(time=pyarrow.array(time), Low=pyarrow.array(broken)),
        "times of text": answer(time=pyarrow.array(["today"] * len(time))),
        "prices of text": answer(time=pyarrow.array(time), Low=pyarrow.array(["1"] * len(time)).dictionary_encode()),
        "parts of milliseconds": answer(time=pyarrow.array(time * 1_000_000 + 1).cast(pyarrow.timestamp("ns"))),
    }
    path.write_bytes(b"PAR1 and no more")
    try:
        read_candle_table(path)
    except CandleTableError as error:
        found["a torn file"] = error.code
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
