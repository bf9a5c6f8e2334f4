"""Eight hundred users cost as much an order as fifty: no request for a look feeds the next."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from io import StringIO
from typing import Any

import pytest

from infra.local.cloud import Cloud
from infra.local.demo.report import is_sound, work
from infra.local.demo.run import Options, prepare, read_files
from tests.support.stage import replay_stack, showing

pytestmark = pytest.mark.prove
FEW, MANY = 50, 800
MOST_RATIO = 1.3  # seconds of an order with many users to those with few, the fixed seconds of a candle subtracted
ATTEMPTS = 3  # of the ratio: other work of the machine lengthens one of the two
MOST_RECEIVES = 1.25  # of an order message: a conflict or a look that an order waits for brings it back


def played(cloud: Cloud, users: int, say: Callable[[str], None]) -> dict[str, Any]:
    """The report of a replay with so many users."""
    replay_stack(cloud)
    options = Options(users=users)
    scene = prepare(cloud, options, read_files(options), StringIO())
    with closing(scene.operator):
        replay = scene.replay()
        replay.run(showing(say, 20))
        replay.settle()
        report = scene.report(replay.progress.messages) | work(cloud.logs(), replay.progress.closings)
        report["asked"] = replay.progress.reconciles
    say(f"{users} users: " + ", ".join(f"{name} {report[name]}" for name in SHOWN))
    return report


SHOWN = ("order_messages", "receives", "receives_stale", "looks", "asked", "seconds_per_order")


def test_an_order_of_eight_hundred_users_costs_no_more_than_one_of_fifty(cloud: Cloud, say: Callable[[str], None]) -> None:
    for attempt in range(ATTEMPTS):
        many, few = (played(cloud, users, say) for users in (MANY, FEW))
        assert is_sound(many)
        assert is_sound(few)
        assert many["receives"] <= MOST_RECEIVES * many["order_messages"]
        assert many["looks"] <= 1.1 * many["asked"] + many["receives_stale"] + many["order_messages"]
        ratio = many["seconds_per_order"] / few["seconds_per_order"]
        say(f"an order of many users took {ratio:.2f} times as long as an order of few (attempt {attempt + 1})")
        if ratio <= MOST_RATIO:
            return
    pytest.fail(f"an order of {MANY} users took over {MOST_RATIO} times as long as an order of {FEW}, {ATTEMPTS} times")
