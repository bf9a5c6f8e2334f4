"""The archive of events in S3: one compressed object for each batch of the relay and day.

An object's name is made of its time, its place in the stream and a digest of its text. So a repeated batch overwrites itself,
and names sort as the stream does. A batch that Lambda cuts elsewhere at a retry is another object with the same events.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import groupby
from typing import TYPE_CHECKING

from candlecast.adapters.aws.clients import aws_errors
from candlecast.adapters.codec import from_json, to_sparse_json
from candlecast.adapters.lanes import side_by_side
from candlecast.adapters.s3.compressed import CONTENT_TYPE, compressed, decompressed
from candlecast.adapters.s3.outbox_letters import PREFIX as LETTERS
from candlecast.domain.values.errors import InvalidValue
from candlecast.ports.archive import ArchivedEvent, ArchivePage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

UNAVAILABLE = "ARCHIVE_UNAVAILABLE"
PREFIX = "events/"
SUFFIX = ".jsonl.gz"
SEQUENCE_DIGITS = 40  # DynamoDB: a sequence number has 21 to 40 characters
DIGEST_CHARACTERS = 16
MAX_TEXT_BYTES = 32 * 1024 * 1024  # a hundred records of an account with every bound reached (32 kB) are a tenth of it
MAX_BATCHES = 1_000  # what S3 lists in one request


class S3EventArchive:
    """`ports.archive.EventArchive`."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def keep_batch(self, events: Sequence[ArchivedEvent]) -> None:
        for _, of_the_day in groupby(events, lambda event: event.recorded_at.date()):
            batch = tuple(of_the_day)
            text = "".join(to_sparse_json(event) + "\n" for event in batch)
            with aws_errors(UNAVAILABLE):
                self._s3.put_object(
                    Bucket=self._bucket,
                    Key=_name(batch[0], text.encode()),
                    Body=compressed(text),
                    ContentType=CONTENT_TYPE,
                )

    def list_events(self, since: datetime, until: datetime, cursor: str | None, batches: int) -> ArchivePage:
        if cursor is not None and not cursor.startswith(PREFIX):
            raise InvalidValue("the cursor is none of the archive's", code="CURSOR_INVALID")
        if not 1 <= batches <= MAX_BATCHES:
            raise InvalidValue(f"batches is between 1 and {MAX_BATCHES}", code="LIMIT_INVALID")
        names, more = self._names(cursor or _folder(since.date()), _folder(until.date() + timedelta(days=1)), batches)
        found = side_by_side(self._batch, names)
        wanted = (event for batch in found for event in batch or () if since <= event.recorded_at < until)
        return ArchivePage(
            events=tuple(wanted),
            cursor=names[-1] if more else None,
            unreadable=tuple(name for name, batch in zip(names, found, strict=True) if batch is None),
        )

    def has_letters(self) -> bool:
        with aws_errors(UNAVAILABLE):
            return self._s3.list_objects_v2(Bucket=self._bucket, Prefix=LETTERS, MaxKeys=1)["KeyCount"] > 0

    def _names(self, after: str, before: str, most: int) -> tuple[list[str], bool]:
        """The next names, and whether there are more of them before the end."""
        with aws_errors(UNAVAILABLE):
            listed = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=PREFIX, StartAfter=after, MaxKeys=most)
        names = [item["Key"] for item in listed.get("Contents", [])]
        inside = [name for name in names if name < before]
        return inside, listed["IsTruncated"] and len(inside) == len(names)

    def _batch(self, name: str) -> tuple[ArchivedEvent, ...] | None:
        """The events of an object; None if it is no text of ours."""
        with aws_errors(UNAVAILABLE):
            body = self._s3.get_object(Bucket=self._bucket, Key=name)["Body"].read()
        try:
            return tuple(from_json(ArchivedEvent, line) for line in decompressed(body, MAX_TEXT_BYTES).splitlines())
        except InvalidValue:
            return None


def _name(first: ArchivedEvent, text: bytes) -> str:
    moment = first.recorded_at.astimezone(UTC)
    place = first.sequence.zfill(SEQUENCE_DIGITS)
    return f"{_folder(moment.date())}{moment:%Y-%m-%dT%H.%M.%SZ}-{place}-{sha256(text).hexdigest()[:DIGEST_CHARACTERS]}{SUFFIX}"


def _folder(day: date) -> str:
    return f"{PREFIX}date={day.isoformat()}/"
