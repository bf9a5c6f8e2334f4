"""Several requests of one kind on their way at once: they hide each other's time on the wire."""

from __future__ import annotations

from collections.abc import Callable, Sequence

LANES = 8  # the clients have connections for twice as many; beyond some eight, one CPU has no time left to fill more


def side_by_side[T, R](call: Callable[[T], R], parts: Sequence[T], most: int = LANES) -> list[R]:
    """The results of `call` for all parts, in their order; all are tried, then the first error is raised.

    At most `most` are under way at once. One part is called right here. The SDK's clients may be shared by threads; `call` may
    touch nothing else that is shared.
    """
    if len(parts) <= 1:
        return [call(part) for part in parts]
    from concurrent.futures import ThreadPoolExecutor  # here: most invocations need no thread, and it costs to import

    with ThreadPoolExecutor(min(most, len(parts))) as lanes:
        under_way = [lanes.submit(call, part) for part in parts]  # `map` would cancel those behind the first error
    return [each.result() for each in under_way]
