"""Results of backtests in S3: three objects each, in a folder of their tenant, and links that live for minutes.

The outcome of a sweep's part is an object of its own, which the worker of the last part reads.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from candlecast.adapters.aws.clients import aws_errors
from candlecast.adapters.s3.compressed import CONTENT_TYPE, compressed, decompressed
from candlecast.domain.backtests.backtest import Backtest
from candlecast.ports.backtests import ResultFiles, ResultLinks

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

UNAVAILABLE = "RESULTS_UNAVAILABLE"
PREFIX = "results/"
PARTS = "parts/"  # of sweeps; no link leads there
MAX_PART_BYTES = 16 * 1024 * 1024  # of a part, and of its text: 58,500 returns of 25 characters are a tenth of it
LINK_LIFE = timedelta(minutes=5)  # enough to follow a link, and too short to pass it on; the API makes another at any time
DOCUMENT, PAGE, TRADES = "result.json", "report.html", "trades.csv"
TYPES = {DOCUMENT: "application/json", PAGE: "text/html; charset=utf-8", TRADES: "text/csv; charset=utf-8"}


class S3BacktestResults:
    """`ports.backtests.BacktestResults` and `SweepParts`.

    `s3` signs links with its own rights, so a reader of objects must make them.
    """

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def keep(self, backtest: Backtest, files: ResultFiles) -> None:
        for name, body in ((DOCUMENT, files.document), (PAGE, files.page), (TRADES, files.trades)):
            with aws_errors(UNAVAILABLE):
                self._s3.put_object(Bucket=self._bucket, Key=_key(backtest, name), Body=body, ContentType=TYPES[name])

    def keep_part(self, backtest: Backtest, part: int, outcome: str) -> None:
        with aws_errors(UNAVAILABLE):
            self._s3.put_object(
                Bucket=self._bucket, Key=_part_key(backtest, part), Body=compressed(outcome), ContentType=CONTENT_TYPE
            )

    def parts(self, backtest: Backtest) -> list[str]:
        return [self._part(_part_key(backtest, part)) for part in range(backtest.plan.tasks)]

    def _part(self, key: str) -> str:
        with aws_errors(UNAVAILABLE):
            body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read(MAX_PART_BYTES + 1)
        return decompressed(body, MAX_PART_BYTES)

    def links(self, backtest: Backtest, now: datetime) -> ResultLinks:
        return ResultLinks(
            document=self._link(backtest, DOCUMENT),
            page=self._link(backtest, PAGE),
            trades=self._link(backtest, TRADES),
            expires_at=now + LINK_LIFE,
        )

    def _link(self, backtest: Backtest, name: str) -> str:
        return self._s3.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": _key(backtest, name)},
            ExpiresIn=int(LINK_LIFE.total_seconds()),
        )


def _part_key(backtest: Backtest, part: int) -> str:
    return f"{PARTS}{quote(backtest.tenant_id, safe='')}/{backtest.backtest_id}/{part:03}.json.gz"


def _key(backtest: Backtest, name: str) -> str:
    return f"{PREFIX}{quote(backtest.tenant_id, safe='')}/{backtest.backtest_id}/{name}"
