"""Traces: a header in its documented form or none, a segment for each message, few sampled messages, no effect on the work."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from candlecast.adapters.xray.daemon import ADDRESS, daemon_address
from candlecast.adapters.xray.trace import (
    MAX_SUBSEGMENTS,
    OF_INVOCATION,
    TraceHeader,
    header_of_new_trace,
    header_to_send,
    subsegment,
    working_on,
)
from tests.support.fakes.xray import HEADER, OWN, ROOT, Daemon, listening


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    with listening(monkeypatch) as made:
        yield made


@pytest.mark.parametrize("text", [None, "", "Root=", "Root=1-1-1", f"Parent={ROOT}", f"Root={ROOT}x", "garbage;;=;"])
def test_a_header_without_a_root_of_the_documented_form_is_none(text: str | None) -> None:
    assert TraceHeader.parse(text) is None


def test_a_header_is_read_and_written_with_all_its_parts() -> None:
    text = f"{HEADER};Lineage=a87bd80c:1|68fd508a:5"
    assert str(TraceHeader.parse(text)) == text
    assert TraceHeader.parse(f"Root={ROOT};Parent=short;Sampled=?;Lineage=a b") == TraceHeader(ROOT)


def test_a_message_has_a_segment_in_the_trace_of_its_header(daemon: Daemon) -> None:
    with working_on("of the invocation"), working_on("order_executor", HEADER) as work:
        assert work is not None
        work.annotate(correlation_id="candle-1")
        with subsegment("DynamoDB", namespace="aws", aws={"operation": "GetItem"}):
            pass
    (segment,) = daemon.documents()
    assert (segment["trace_id"], segment["parent_id"], segment["name"]) == (ROOT, "53995c3f42cd8ad8", "order_executor")
    assert "type" not in segment, "a segment of its own: Lambda's belongs to another trace"
    assert segment["annotations"] == {"correlation_id": "candle-1"}
    (inner,) = segment["subsegments"]
    assert (inner["name"], inner["aws"], inner["fault"]) == ("DynamoDB", {"operation": "GetItem"}, False)
    assert segment["start_time"] <= inner["start_time"] <= inner["end_time"] <= segment["end_time"]


def test_an_invocation_without_messages_is_a_part_of_lambdas_own_segment(daemon: Daemon) -> None:
    with working_on("signal_intake"):
        pass
    (segment,) = daemon.documents()
    assert (segment["type"], segment["parent_id"]) == ("subsegment", "bbbbbbbbbbbbbbbb")
    assert segment["trace_id"] == "1-674b1d2d-aaaaaaaaaaaaaaaaaaaaaaaa"


def test_a_message_goes_on_in_the_same_trace_under_its_senders_segment_with_the_newest_lineage(daemon: Daemon) -> None:
    with working_on("signal_fanout", HEADER):
        sent = TraceHeader.parse(header_to_send())
    (segment,) = daemon.documents()
    assert sent == TraceHeader(ROOT, segment["id"], True, "1:abc123:0")


def test_most_messages_of_a_crowd_keep_the_trace_and_are_not_sampled(daemon: Daemon) -> None:
    with working_on("signal_fanout", HEADER):
        sent = [TraceHeader.parse(header_to_send()) for _ in range(1_000)]
    assert {it.root for it in sent if it is not None} == {ROOT}
    assert [it is not None and it.is_sampled for it in sent].count(True) == 10


def test_what_is_not_sampled_sends_nothing_and_still_names_its_trace(daemon: Daemon) -> None:
    with working_on("order_executor", HEADER.replace("Sampled=1", "Sampled=0")) as work:
        assert work is not None
        with subsegment("DynamoDB") as told:
            assert told is None
        assert work.header.root == ROOT
        assert TraceHeader.parse(header_to_send()) == TraceHeader(ROOT, "53995c3f42cd8ad8", False, "1:abc123:0")
    assert daemon.documents() == []


def test_a_candle_begins_a_trace_of_its_own(daemon: Daemon) -> None:
    with working_on("candle_clock"):
        first, second = (TraceHeader.parse(header_of_new_trace(seed * 24)) for seed in "ab")
    assert first is not None
    assert second is not None
    assert (first.root[-24:], second.root[-24:]) == ("a" * 24, "b" * 24)
    assert (first.parent, first.is_sampled, first.lineage) == (None, True, "1:abc123:0")


def test_a_failure_shows_in_the_segment_and_leaves_as_it_was(daemon: Daemon) -> None:
    with pytest.raises(ValueError, match="as it was"), working_on("order_executor", HEADER), subsegment("fapi.binance.com"):
        raise ValueError("as it was")
    (segment,) = daemon.documents()
    assert segment["fault"]
    assert segment["subsegments"][0]["fault"]
    assert "as it was" not in json.dumps(segment)


def test_a_segment_is_bounded_in_parts_and_bytes(daemon: Daemon) -> None:
    with working_on("order_executor", HEADER):
        for _ in range(MAX_SUBSEGMENTS + 5):
            with subsegment("DynamoDB"):
                pass
    with working_on("order_executor", HEADER):
        for _ in range(MAX_SUBSEGMENTS):
            with subsegment("x" * 1_000):
                pass
    usual, too_large = daemon.documents()
    assert len(usual["subsegments"]) == MAX_SUBSEGMENTS
    assert "subsegments" not in too_large


def test_without_a_daemon_or_a_trace_work_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(OF_INVOCATION, raising=False)
    with working_on("order_executor") as work:
        assert work is None
        assert (header_to_send(), header_of_new_trace("a" * 24)) == (None, None)
    monkeypatch.setenv(OF_INVOCATION, OWN)
    for address in ("", "nowhere", "host:99999", "127.0.0.1:1"):
        monkeypatch.setenv(ADDRESS, address)
        with working_on("order_executor", HEADER):
            pass


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("169.254.79.129:2000", ("169.254.79.129", 2000)),
        ("tcp:127.0.0.1:2000 udp:127.0.0.2:2001", ("127.0.0.2", 2001)),
        ("tcp:127.0.0.1:2000", None),
        ("", None),
    ],
)
def test_the_daemons_address_has_two_forms(text: str, address: tuple[str, int] | None) -> None:
    assert daemon_address(text) == address
