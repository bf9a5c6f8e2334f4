"""The trace of the work at hand: it comes with a message, goes on with each message sent, and is told to X-Ray.

Lambda gives each invocation a trace of its own and cannot continue that of a message. So each message gets a segment of ours
in the trace of its header (decision 0090). One environment works on one message at a time; only its requests have threads.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import Any, Final

from candlecast.adapters.xray import daemon

HEADER: Final = "AWSTraceHeader"  # the system attribute of a message, on both sides of a queue
OF_INVOCATION = "_X_AMZN_TRACE_ID"  # Lambda sets it anew for each invocation
# The script of the layer of OpenTelemetry starts the function: aws-otel.github.io/docs/getting-started/lambda/lambda-python
WRAPPER, BY_OPENTELEMETRY = "AWS_LAMBDA_EXEC_WRAPPER", "/opt/otel-instrument"
# X-Ray keeps some 500 kB of a trace, and an order's segment has about 2 kB. So most orders of a large crowd go without:
# docs.aws.amazon.com/general/latest/gr/xray.html. Their log lines name the trace all the same.
MAX_SAMPLED_MESSAGES = 10
MAX_SUBSEGMENTS = 100  # of one segment: a datagram holds 64 kB
_ROOT = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_ID = re.compile(r"[0-9a-f]{16}")
_LINEAGE = re.compile(r"[0-9a-zA-Z:|_-]{1,200}")


@dataclass(frozen=True)
class TraceHeader:
    """`Root=1-...;Parent=...;Sampled=1;Lineage=...`. Lambda's detection of loops reads the lineage."""

    root: str
    parent: str | None = None
    is_sampled: bool = False
    lineage: str | None = None

    @staticmethod
    def parse(text: str | None) -> TraceHeader | None:
        """The header's parts; None without a root of the documented form. Other malformed parts are left out."""
        parts = dict(part.split("=", 1) for part in (text or "").split(";") if "=" in part)
        root, parent, lineage = parts.get("Root", ""), parts.get("Parent", ""), parts.get("Lineage", "")
        if not _ROOT.fullmatch(root):
            return None
        return TraceHeader(
            root=root,
            parent=parent if _ID.fullmatch(parent) else None,
            is_sampled=parts.get("Sampled") == "1",
            lineage=lineage if _LINEAGE.fullmatch(lineage) else None,
        )

    def __str__(self) -> str:
        parts = {"Root": self.root, "Parent": self.parent, "Sampled": str(int(self.is_sampled)), "Lineage": self.lineage}
        return ";".join(f"{name}={value}" for name, value in parts.items() if value is not None)


@dataclass
class Segment:
    """A segment in the making: a message, or an invocation that has none."""

    name: str
    header: TraceHeader
    is_message: bool
    outer: Segment | None
    id: str = field(default_factory=lambda: os.urandom(8).hex())
    started: float = field(default_factory=time.time)
    annotations: dict[str, str] = field(default_factory=dict)
    subsegments: list[dict[str, Any]] = field(default_factory=list)
    has_messages: bool = False
    sampled_messages: count[int] = field(default_factory=count)
    span: Any = None
    """The span of OpenTelemetry, where its layer is mounted."""

    def annotate(self, **values: str) -> None:
        """Make the segment findable by these values (`annotation.<name> = "..."` in X-Ray)."""
        self.annotations.update(values)

    def document(self, ended: float) -> dict[str, Any]:
        """The segment; a subsegment of Lambda's own if no message has brought the trace."""
        return {
            "name": self.name,
            "id": self.id,
            "trace_id": self.header.root,
            "parent_id": self.header.parent,
            "start_time": self.started,
            "end_time": ended,
            "annotations": self.annotations,
            "subsegments": self.subsegments,
            **({"origin": "AWS::Lambda::Function"} if self.is_message else {"type": "subsegment"}),
        }


_current: Segment | None = None


@contextmanager
def working_on(name: str, header: str | None = None) -> Iterator[Segment | None]:
    """Work on a message with this header, or on an invocation; None where nothing is traced. The segment is sent at the end.

    A message without a header belongs to the trace of its invocation.
    """
    global _current
    found = TraceHeader.parse(header)
    outer, own = _current, TraceHeader.parse(os.environ.get(OF_INVOCATION))
    using = found or own
    if using is None:
        yield None
        return
    if outer is not None:
        outer.has_messages = True
    segment = _current = Segment(name, using, found is not None, outer)
    spans, failed = _spans(), True
    try:
        with spans.span_of(segment) if spans is not None else nullcontext():
            yield segment
        failed = False
    finally:
        _current = outer
        if spans is None and using.is_sampled and not segment.has_messages:
            daemon.send({**segment.document(time.time()), "fault": failed})


def subsegment(name: str, **details: Any) -> AbstractContextManager[dict[str, Any] | None]:
    """A request within the work at hand, as X-Ray describes it (`namespace`, `http`, `aws`); the answer may be added to it."""
    segment = _current
    if segment is None or not segment.header.is_sampled or len(segment.subsegments) >= MAX_SUBSEGMENTS:
        return nullcontext()
    spans = _spans()
    if spans is not None:
        made: AbstractContextManager[dict[str, Any]] = spans.subsegment(segment, name, details)
        return made
    return _timed(segment, {"id": os.urandom(8).hex(), "name": name, "start_time": time.time(), **details})


@contextmanager
def _timed(segment: Segment, document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    document["fault"] = True
    try:
        yield document
        document["fault"] = False
    finally:
        document["end_time"] = time.time()
        segment.subsegments.append(document)


def header_to_send() -> str | None:
    """The header for one message that the work at hand sends; the first few of a sampled trace stay sampled."""
    segment = _current
    if segment is None:
        return None
    header = segment.header
    is_sampled = header.is_sampled and next(segment.sampled_messages) < MAX_SAMPLED_MESSAGES
    return str(TraceHeader(header.root, segment.id if header.is_sampled else header.parent, is_sampled, _own_lineage()))


def header_of_new_trace(seed: str) -> str | None:
    """A header with which a trace begins; the same seed within a second gives the same trace. None where nothing is traced.

    The invocation's sampling holds: a clock whose invocation is not sampled begins no sampled trace.
    """
    segment = _current
    if segment is None:
        return None
    root = f"1-{int(time.time()):08x}-{seed[:24]}"
    return str(TraceHeader(root, None, segment.header.is_sampled, _own_lineage())) if _ROOT.fullmatch(root) else None


@cache
def _spans() -> Any:
    """The bridge to OpenTelemetry if the function mounts its layer, else None."""
    if os.environ.get(WRAPPER) != BY_OPENTELEMETRY:
        return None
    from candlecast.adapters.xray import opentelemetry_spans

    return opentelemetry_spans


def _own_lineage() -> str | None:
    """The lineage of this invocation: it counts the functions on the way, so each message needs the newest."""
    own = TraceHeader.parse(os.environ.get(OF_INVOCATION))
    return own.lineage if own is not None else None
