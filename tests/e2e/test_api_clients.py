"""The API by its generated client and by curl, on the embedded cloud: all blocks of the guide, and a whole trade."""

from __future__ import annotations

import csv
import itertools
import json
import os
import re
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Self

import pytest

from clients import python_client
from infra.local.cloud import Cloud
from tests.documents.test_guide_commands import API_GUIDE, TEN_THINGS
from tests.support.shell_blocks import Block, blocks, run_block
from tests.support.stage import BALANCE, Desk, open_desk
from tests.support.waiting import until

EMAIL = "you@example.com"  # of the guide's reader
FIRST_STOP = "62500"
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
THING = re.compile(r"^### (\d+)\. ", re.MULTILINE)
LISTENING = 10
# Runs what it is told, a line of JSON at a time, and says when it is done.
DRIVER = """
import json, sys
known = {}
for line in sys.stdin:
    exec(compile(json.loads(line), "guide", "exec"), known)
    print("done", flush=True)
"""
LISTENER = """
import json, os
from candlecast_client import connect
from candlecast_client.live import listen
for change in listen(connect(os.environ["API"], os.environ["TOKEN"])):
    print(json.dumps(change and change.to_dict()), flush=True)
"""


@dataclass(frozen=True)
class Reader:
    """Somebody at the beginning of the guide: known to the pool, with keys of a paper account."""

    email: str
    variables: Mapping[str, str] = field(repr=False)


class Interpreter:
    """A Python that has what the extra of the wheel brings, and the client."""

    def __init__(self, package: Path, folder: Path, variables: Mapping[str, str], program: str = DRIVER) -> None:
        self.said: list[str] = []
        self._errors = folder / "errors.txt"
        command = [str(python_client.ROOT / ".venvs/openapi/bin/python"), "-u", "-c", program]
        given = {**os.environ, **variables, "PYTHONPATH": str(package.parent)}
        pipe = subprocess.PIPE
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(command, cwd=folder, env=given, stdin=pipe, stdout=pipe, stderr=errors, text=True)  # noqa: S603
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def run(self, block: str, wait: Callable[[Callable[[], bool]], object]) -> None:
        """Run a block to its end."""
        before = self.said.count("done")
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(block)}\n")
        self._process.stdin.flush()
        wait(lambda: self.said.count("done") > before or self.has_ended())
        assert not self.has_ended(), (block, self._errors.read_text())

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self.said.append(line.strip())


@dataclass(frozen=True)
class Stage:
    """A deployed stack with one strategy that nobody follows yet, and the client that was generated from its API."""

    desk: Desk
    package: Path

    def reader(self, name: str) -> Reader:
        cloud, email, password = self.desk.cloud, f"{name}@example.com", f"Aa1{secrets.token_hex(16)}"
        cognito, outputs = cloud.client("cognito-idp"), cloud.outputs
        pool = outputs["UserPoolId"]
        known = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
        cognito.admin_create_user(
            UserPoolId=pool, Username=email, TemporaryPassword=password, MessageAction="SUPPRESS", UserAttributes=known
        )
        cognito.admin_set_user_password(UserPoolId=pool, Username=email, Password=password, Permanent=True)
        keys = self.desk.operator.open_account("USDT", BALANCE)
        variables = {
            "API": outputs["ApiUrl"],
            "AWS_ENDPOINT_URL": cloud.endpoint,
            "CANDLECAST_POOL": pool,
            "CANDLECAST_CLIENT_ID": outputs["UserPoolClientId"],
            "CANDLECAST_PASSWORD": password,
            "API_KEY": keys.api_key,
            "API_SECRET": keys.api_secret,
        }
        return Reader(email, variables)

    def buy(self) -> None:
        """The signal that the reader waits for."""
        self.desk.signal("buy", stopLoss={"stopPrice": FIRST_STOP})
        self.desk.cloud.wait_until_relayed()

    def trade_until(self, is_over: Callable[[], bool]) -> None:
        """Signals in turn: a new listener may miss the first of them."""
        for action in itertools.cycle(("buy", "exit")):
            if is_over():
                return
            self.desk.signal(action)

    def settle(self) -> None:
        """Wait until the reader's exit is done."""
        self.desk.replay.wait_until_quiet()
        self.desk.cloud.wait_until_relayed()


@pytest.fixture(scope="module")
def stage(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    package = python_client.make(tmp_path_factory.mktemp("client"))
    with pytest.MonkeyPatch.context() as patch, closing(open_desk(cloud, lambda _: [])) as desk:
        patch.syspath_prepend(package.parent)
        yield Stage(desk, package)
    for name in [name for name in sys.modules if name.partition(".")[0] == package.name]:
        del sys.modules[name]


def things() -> list[str]:
    """The parts of the guide, the sign-in first."""
    before, *rest = THING.split(TEN_THINGS)
    return [before, *rest[1::2]]


def between(stage: Stage) -> dict[int, Callable[[], None]]:
    """Events of the platform that come before a thing of the guide."""
    return {5: stage.buy, 9: stage.settle}


def test_ten_things_run_as_printed_in_curl(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block in a shell of its own; variables and functions go on to the next."""
    reader = stage.reader("curl")
    for name, value in reader.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", str(stage.package.parent))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    said = []
    for number, thing in enumerate(things()):
        between(stage).get(number, lambda: None)()
        for block in blocks(API_GUIDE, thing):
            if "pip install" in block.text:
                continue
            printed = block.text.replace(EMAIL, reader.email)
            kept = f"set -a\n[ ! -f kept ] || . ./kept\n{printed}\n{{ export -p; declare -f; }} >kept\n"
            done = run_block(Block(API_GUIDE, kept), tmp_path)
            assert done.returncode == 0, (block.name, done.stdout, done.stderr)
            assert '"code":"' not in done.stdout, (block.name, done.stdout)
            said.append(done.stdout)
    assert len(said) == len(things())
    assert '"state":"FILLED"' in said[5]
    assert '"traded":true' in said[4]
    [trade] = csv.DictReader(StringIO((tmp_path / "trades.csv").read_text(), newline=""))
    assert (trade["market"], trade["closed_by"]) == (stage.desk.strategy.file.market, "EXIT")


def test_ten_things_run_as_printed_in_python(stage: Stage, tmp_path: Path) -> None:
    """All blocks in one interpreter; the last one listens until an order changes."""
    reader = stage.reader("python")
    with Interpreter(stage.package, tmp_path, reader.variables) as python:
        for number, thing in enumerate(things()):
            between(stage).get(number, lambda: None)()
            printed = PYTHON.findall(thing)
            assert printed, number
            for block in printed:
                python.run(block.replace(EMAIL, reader.email), stage.trade_until if number == LISTENING else until)
        said = python.said
    assert any("FILLED" in line for line in said)
    assert any(line.startswith("STOP_ON_WRONG_SIDE") for line in said)
    assert any(line.startswith("now ") for line in said)
    [trade] = csv.DictReader(StringIO((tmp_path / "trades.csv").read_text(), newline=""))
    assert trade["market"] == stage.desk.strategy.file.market


def test_a_wrong_password_is_refused_with_the_pools_code(stage: Stage) -> None:
    from candlecast_client import SignInRefused, sign_in

    reader = stage.reader("mistaken")
    pool, client_id = reader.variables["CANDLECAST_POOL"], reader.variables["CANDLECAST_CLIENT_ID"]
    for email, password in ((reader.email, "Aa1-not-the-password"), ("nobody@example.com", "Aa1-any-password")):
        with pytest.raises(SignInRefused) as refused:
            sign_in(pool, client_id, email, password, endpoint=stage.desk.cloud.endpoint)
        assert refused.value.code == "NotAuthorizedException"


def test_a_trade_from_the_sign_in_to_its_export_by_the_generated_client(stage: Stage, tmp_path: Path) -> None:
    """Signed in at the pool, subscribed, an order seen live, its stop moved, closed, and exported: real HTTP all the way."""
    from candlecast_client import connect, sign_in
    from candlecast_client.api.accounts import create_account, get_account, put_credentials
    from candlecast_client.api.orders import list_orders
    from candlecast_client.api.positions import close_position, list_positions, move_stop
    from candlecast_client.api.subscriptions import create_subscription
    from candlecast_client.api.trades import list_trades
    from candlecast_client.models import (
        IntentState,
        LegKind,
        ListTradesFormat,
        NewAccount,
        NewCredentials,
        NewSettings,
        NewSubscription,
        PositionToClose,
        SizingInput,
        SizingMode,
        StopToMove,
    )

    reader = stage.reader("trader")
    known = reader.variables
    token = sign_in(
        known["CANDLECAST_POOL"], known["CANDLECAST_CLIENT_ID"], reader.email, known["CANDLECAST_PASSWORD"],
        endpoint=known["AWS_ENDPOINT_URL"],
    )  # fmt: skip
    market = stage.desk.strategy.file.market
    listening = Interpreter(stage.package, tmp_path, {**known, "TOKEN": token}, LISTENER)
    with listening, connect(known["API"], token, timeout_seconds=300) as client:
        until(lambda: listening.said.count("null") > 1)  # connected, and known to the relay
        account = create_account.sync(client=client, body=NewAccount(label="main", venue="paper")).account_id
        keys = NewCredentials(api_key=known["API_KEY"], api_secret=known["API_SECRET"])
        put_credentials.sync(account, client=client, body=keys)
        until(lambda: get_account.sync(account, client=client).status, lambda status: status == "ACTIVE")
        settings = NewSettings(capital="10000", sizing=SizingInput(mode=SizingMode.FIXED_NOTIONAL, value="1000"))
        wanted = NewSubscription(strategy_id=stage.desk.strategy.strategy_id, account_id=account, settings=settings)
        subscription = create_subscription.sync(client=client, body=wanted).subscription_id

        stage.buy()
        [entry] = list_orders.sync(client=client, subscription_id=subscription, kind=LegKind.ENTRY).items
        assert entry.state is IntentState.FILLED
        named = until(lambda: [line for line in listening.said if entry.order_id in line], bool)
        assert json.loads(named[0])["account_id"] == account
        assert Decimal(entry.filled_quantity) * Decimal(entry.average_price) == pytest.approx(Decimal(1000), rel=Decimal("0.01"))

        place = {"account_id": account, "subscription_id": subscription, "market": market}
        moved = move_stop.sync(client=client, body=StopToMove(**place, stop_price="63000"))
        assert moved.stop_price == "63000"

        def open_stops() -> list[str]:
            found = list_orders.sync(client=client, subscription_id=subscription, state=IntentState.OPEN)
            return [str(it.trigger_price) for it in found.items]

        assert until(open_stops, lambda stops: stops == ["63000"])

        close_position.sync(client=client, body=PositionToClose(**place), idempotency_key="once")
        stage.settle()
        assert list_positions.sync(client=client, subscription_id=subscription).items == []
        [trade] = until(lambda: list_trades.sync(client=client, subscription_id=subscription).items)
        table = list_trades.sync_detailed(client=client, subscription_id=subscription, format_=ListTradesFormat.CSV)
    [row] = csv.DictReader(StringIO(table.content.decode(), newline=""))
    assert {name: row[name] for name in ("trade_id", "net_pnl", "entry_price", "signal_id")} == {
        "trade_id": trade.trade_id,
        "net_pnl": trade.net_pnl,
        "entry_price": entry.average_price,
        "signal_id": entry.signal_id,
    }
