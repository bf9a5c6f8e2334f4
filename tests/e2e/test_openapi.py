"""The deployed API answers as its description says, through the gateway and with the real table, as each role."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

import pytest

from infra.local.cloud import Cloud
from infra.local.demo.people import ADMINISTRATOR, ADMINISTRATORS
from tests.support.stage import follower, open_desk
from verification.openapi.roles import NEWCOMER, NOBODY, OPERATOR, ROLES, TRADER
from verification.openapi.run import deployed

pytestmark = pytest.mark.prove

SEED = 20261201
CASES = 3
PHASES = ("examples", "fuzzing", "stateful")  # coverage is thousands of requests, which the run in process sends


@dataclass(frozen=True)
class Door:
    url: str
    tokens: Mapping[str, str]


@pytest.fixture(scope="module")
def door(cloud: Cloud) -> Iterator[Door]:
    """A trader with an order, a position and a trade; somebody who has nothing; and an operator."""
    with closing(open_desk(cloud, lambda strategy: [follower(0, strategy)])) as desk:
        for action in ("buy", "exit", "buy"):
            desk.signal(action)
        tokens = {
            TRADER: desk.people[0].user.token,
            NEWCOMER: cloud.user("newcomer@example.com").token,
            OPERATOR: cloud.user(ADMINISTRATOR, groups=(ADMINISTRATORS,)).token,
        }
        yield Door(cloud.outputs["ApiUrl"], tokens)


@pytest.mark.parametrize("role", ROLES)
def test_the_deployed_api_answers_as_it_is_described(door: Door, role: str, say: Callable[[str], None]) -> None:
    asked = deployed(door.url, door.tokens, role, SEED, CASES, PHASES)
    say(str(asked))
    assert not asked.findings, "\n\n".join(map(str, asked.findings.values()))
    assert set(asked.cases) == set(PHASES)
    assert (asked.succeeded == {"GET /health"}) == (role == NOBODY)
