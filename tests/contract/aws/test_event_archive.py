"""The archive of events: a reader finds the events that the relay has put there, in the order of the stream."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from candlecast.adapters.s3.event_archive import MAX_TEXT_BYTES, S3EventArchive
from candlecast.domain.account.events import Event, EventType, order_event
from candlecast.domain.values.errors import InvalidValue, RetryLater
from candlecast.domain.values.ids import event_id
from candlecast.ports.archive import ArchivedEvent, ArchivePage, EventArchive
from candlecast.ports.bus import PublishedEvent
from tests.contract.aws.conftest import Cloud
from tests.support.builders import ACCOUNT, NOW, TENANT, a_position, an_intent
from tests.support.fakes.archive import FakeEventArchive
from tests.support.fakes.objects import FakeObjects

SINCE, UNTIL = NOW - timedelta(days=1), NOW + timedelta(days=2)
ALL = 1_000


@pytest.fixture(params=["fake", pytest.param("s3", marks=pytest.mark.e2e)])
def archive(request: pytest.FixtureRequest) -> EventArchive:
    if request.param == "fake":
        return FakeEventArchive()
    aws: Cloud = request.getfixturevalue("aws")
    return S3EventArchive(aws.client("s3"), a_bucket(aws))


def a_bucket(aws: Cloud) -> str:
    name = aws.name("archive")
    aws.client("s3").create_bucket(Bucket=name)
    return name


def archived(version: int, at: datetime = NOW, event: Event | None = None, tenant: str = TENANT) -> ArchivedEvent:
    published = PublishedEvent(
        event_id=event_id(ACCOUNT, version, 0),
        tenant_id=tenant,
        account_id=ACCOUNT,
        version=version,
        event=event or order_event(an_intent(), at),
    )
    return ArchivedEvent(sequence=f"{version:021}", recorded_at=at, published=published)


def read(archive: EventArchive, since: datetime = SINCE, until: datetime = UNTIL) -> ArchivePage:
    return archive.list_events(since, until, None, ALL)


def test_a_reader_finds_the_events_as_they_were_put(archive: EventArchive) -> None:
    moved = Event(type=EventType.POSITION_CHANGED, occurred_at=NOW, position=a_position())
    batch = [archived(1), archived(2, event=moved), archived(3, tenant="tenant-2")]
    archive.keep_batch(batch)
    assert read(archive) == ArchivePage(events=tuple(batch), cursor=None)


def test_nothing_to_keep_leaves_nothing(archive: EventArchive) -> None:
    archive.keep_batch([])
    assert read(archive) == ArchivePage(events=(), cursor=None)


def test_a_batch_that_comes_again_takes_its_own_place(archive: EventArchive) -> None:
    for _ in range(3):
        archive.keep_batch([archived(1), archived(2)])
    assert [event.published.version for event in read(archive).events] == [1, 2]


def test_a_batch_that_is_cut_elsewhere_loses_no_event(archive: EventArchive) -> None:
    archive.keep_batch([archived(1), archived(2)])
    archive.keep_batch([archived(1)])
    archive.keep_batch([archived(2), archived(3)])
    assert {event.published.version for event in read(archive).events} == {1, 2, 3}


def test_events_come_in_the_order_of_the_stream_whenever_they_were_put(archive: EventArchive) -> None:
    later = NOW + timedelta(seconds=1)
    archive.keep_batch([archived(12, later)])
    archive.keep_batch([archived(9), archived(10)])
    archive.keep_batch([archived(11)])
    assert [event.published.version for event in read(archive).events] == [9, 10, 11, 12]


def test_only_events_of_the_wanted_time_are_read(archive: EventArchive) -> None:
    midnight = datetime(2026, 11, 21, tzinfo=UTC)
    times = [midnight - timedelta(seconds=2), midnight - timedelta(seconds=1), midnight, midnight + timedelta(hours=1)]
    archive.keep_batch([archived(number, at) for number, at in enumerate(times)])

    def versions(since: datetime, until: datetime) -> list[int]:
        return [event.published.version for event in read(archive, since, until).events]

    assert versions(SINCE, UNTIL) == [0, 1, 2, 3]
    assert versions(times[1], times[3]) == [1, 2]
    assert versions(midnight, UNTIL) == [2, 3]
    assert versions(SINCE, midnight) == [0, 1]


def test_pages_follow_each_other_without_a_gap(archive: EventArchive) -> None:
    for version in range(5):
        archive.keep_batch([archived(version)])
    found, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        page = archive.list_events(SINCE, UNTIL, cursor, 2)
        found += [event.published.version for event in page.events]
        cursor, pages = page.cursor, pages + 1
    assert (found, pages) == ([0, 1, 2, 3, 4], 3)


def test_a_cursor_of_something_else_is_refused(archive: EventArchive) -> None:
    with pytest.raises(InvalidValue) as refused:
        archive.list_events(SINCE, UNTIL, "aws/lambda/x", ALL)
    assert refused.value.code == "CURSOR_INVALID"


def test_names_are_partitioned_by_date_and_sort_as_the_stream_does() -> None:
    objects = FakeObjects()
    archive = S3EventArchive(objects, "bucket")  # type: ignore[arg-type]
    archive.keep_batch([archived(9), archived(10, NOW + timedelta(days=1))])
    archive.keep_batch([replace(archived(10), sequence="9" * 30)])
    names = sorted(objects.held)
    assert [name.rpartition("-")[0] for name in names] == [
        f"events/date=2026-11-20/2026-11-20T12.00.00Z-{'9'.zfill(40)}",
        f"events/date=2026-11-20/2026-11-20T12.00.00Z-{('9' * 30).zfill(40)}",
        f"events/date=2026-11-21/2026-11-21T12.00.00Z-{'10'.zfill(40)}",
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no gzip",
        gzip.compress(b'{"sequence":"1"}\n'),
        gzip.compress(b"\xff\xfe\n"),
        gzip.compress(b"whole")[:-9],
        gzip.compress(bytes(MAX_TEXT_BYTES + 1)),
    ],
    ids=["empty", "no gzip", "no event", "no text", "cut off", "too long"],
)
def test_an_object_that_is_no_batch_of_ours_is_named_and_hides_no_other(body: bytes) -> None:
    objects = FakeObjects()
    archive = S3EventArchive(objects, "bucket")  # type: ignore[arg-type]
    archive.keep_batch([archived(1)])
    broken = "events/date=2026-11-20/0"
    objects.held[broken] = body
    page = read(archive)
    assert [event.published.version for event in page.events] == [1]
    assert page.unreadable == (broken,)


def test_an_archive_that_does_not_answer_is_asked_again_later() -> None:
    error = ClientError({"Error": {"Code": "SlowDown"}, "ResponseMetadata": {"HTTPStatusCode": 503}}, "PutObject")  # type: ignore[typeddict-item]
    archive = S3EventArchive(FakeObjects(error=error), "bucket")  # type: ignore[arg-type]
    for ask in (lambda: archive.keep_batch([archived(1)]), lambda: read(archive)):
        with pytest.raises(RetryLater) as later:
            ask()
        assert later.value.code == "ARCHIVE_UNAVAILABLE"
