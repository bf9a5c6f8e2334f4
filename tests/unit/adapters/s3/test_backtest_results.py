"""Results of backtests: each tenant has a folder, and a link is signed for minutes, by version 4, for the bucket's region."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from botocore.exceptions import EndpointConnectionError

from candlecast.adapters.aws import clients
from candlecast.adapters.s3.backtest_results import LINK_LIFE, MAX_PART_BYTES, S3BacktestResults
from candlecast.adapters.s3.compressed import compressed
from candlecast.domain.backtests.sweep import SweepPlan
from candlecast.domain.values.errors import InvalidValue, RetryLater
from candlecast.ports.backtests import ResultFiles
from tests.support.builders import NOW
from tests.support.fakes.backtests import BACKTEST, a_backtest, a_plan

FILES = ResultFiles(document=b"{}", page=b"<p>", trades=b"side\n")


class Recorder:
    """A client that keeps what it is asked for; an error is raised instead."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[dict[str, Any]] = []
        self.error = error

    def put_object(self, **asked: Any) -> None:
        if self.error is not None:
            raise self.error
        self.asked.append(asked)

    def get_object(self, **asked: Any) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        (body,) = (it["Body"] for it in self.asked if it["Key"] == asked["Key"])
        return {"Body": io.BytesIO(body)}


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that open nothing, of a role, whose session has a token."""
    for name, value in (("ACCESS_KEY_ID", "key"), ("SECRET_ACCESS_KEY", "secret"), ("SESSION_TOKEN", "token")):
        monkeypatch.setenv(f"AWS_{name}", value)
    clients.session.cache_clear()


def test_the_files_have_names_and_types_that_a_browser_knows() -> None:
    s3 = Recorder()
    S3BacktestResults(s3, "results").keep(a_backtest(tenant_id="auth0|a b"), FILES)  # type: ignore[arg-type]
    folder = f"results/auth0%7Ca%20b/{BACKTEST}"
    assert [(it["Key"], it["Body"], it["ContentType"]) for it in s3.asked] == [
        (f"{folder}/result.json", b"{}", "application/json"),
        (f"{folder}/report.html", b"<p>", "text/html; charset=utf-8"),
        (f"{folder}/trades.csv", b"side\n", "text/csv; charset=utf-8"),
    ]


def test_parts_of_a_sweep_are_read_in_order_and_have_no_link() -> None:
    sweep = SweepPlan(axes={"fast": (1, 2, 3)}, trials_of_a_part=1)
    s3, asked = Recorder(), a_backtest(tenant_id="auth0|a b", plan=a_plan(sweep=sweep))
    results = S3BacktestResults(s3, "results")  # type: ignore[arg-type]
    for part in (2, 0, 1):
        results.keep_part(asked, part, str(part))
    assert {it["Key"] for it in s3.asked} == {f"parts/auth0%7Ca%20b/{BACKTEST}/{part:03}.json.gz" for part in range(3)}
    assert results.parts(asked) == ["0", "1", "2"]
    s3.error = EndpointConnectionError(endpoint_url="https://s3")
    with pytest.raises(RetryLater, match="RESULTS_UNAVAILABLE"):
        results.parts(asked)
    with pytest.raises(RetryLater, match="RESULTS_UNAVAILABLE"):
        results.keep_part(asked, 0, "0")


@pytest.mark.parametrize("damaged", [b"", b"0", compressed("0")[:-1], compressed(" " * (MAX_PART_BYTES + 1))])
def test_a_part_that_is_damaged_or_far_too_long_is_not_opened(damaged: bytes) -> None:
    s3, asked = Recorder(), a_backtest(plan=a_plan(sweep=SweepPlan(axes={"fast": (1,)}, trials_of_a_part=1)))
    results = S3BacktestResults(s3, "results")  # type: ignore[arg-type]
    results.keep_part(asked, 0, "0")
    s3.asked[0]["Body"] = damaged
    with pytest.raises(InvalidValue, match="UNREADABLE"):
        results.parts(asked)


def test_a_store_that_does_not_answer_is_asked_again_later() -> None:
    s3 = Recorder(EndpointConnectionError(endpoint_url="https://s3"))
    with pytest.raises(RetryLater, match="RESULTS_UNAVAILABLE"):
        S3BacktestResults(s3, "results").keep(a_backtest(), FILES)  # type: ignore[arg-type]


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    ("region", "host"),
    [("us-east-1", "stack-results.s3.amazonaws.com"), ("eu-west-1", "stack-results.s3.eu-west-1.amazonaws.com")],
)
def test_a_link_opens_one_object_for_five_minutes(region: str, host: str) -> None:
    results = S3BacktestResults(clients.links_client(region=region), "stack-results")
    links = results.links(a_backtest(tenant_id="auth0|a b"), NOW)
    assert links.expires_at == NOW + LINK_LIFE
    for link, name in ((links.document, "result.json"), (links.page, "report.html"), (links.trades, "trades.csv")):
        parts = urlsplit(link)
        query = parse_qs(parts.query)
        assert (parts.scheme, parts.netloc) == ("https", host)
        assert unquote(parts.path) == f"/results/auth0%7Ca%20b/{BACKTEST}/{name}"
        assert query["X-Amz-Expires"] == [str(int(LINK_LIFE.total_seconds()))]
        assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
        assert query["X-Amz-Credential"][0].split("/")[2] == region
