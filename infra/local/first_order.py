"""One order from signal to fill, for somebody who wants to see the stack work: `candlecast local order`.

Everything goes through the doors that users have: the API, the webhook, the paper exchange's public price.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx

from candlecast.adapters.system import RandomIdentifiers
from candlecast.services.signals.find_source import KNOWN_FOR
from infra.local.cloud import Cloud
from infra.local.demo.exchange import Operator
from infra.local.demo.people import Platform, wait_until_verified
from infra.local.demo.scenario import VENUE
from infra.local.project import CommandError

STRATEGY = "local-orders"  # without code; the user of the command follows it
LABEL = "local orders"  # of the account
CAPITAL = "10000"
BALANCE = Decimal(100_000)
ASSET = "USDT"
WATCH_SECONDS = 60.0  # a minute of reconciler included, which settles an answer that was lost
POLL_SECONDS = 0.1
REQUEST_SECONDS = 30.0
FINAL = frozenset({"FILLED", "CANCELLED", "REJECTED", "DENIED", "EXPIRED", "SKIPPED", "OPEN"})  # OPEN: a stop rests


@dataclass(frozen=True, slots=True)
class Step:
    """Something that has happened to the order; `seconds` since the signal was sent."""

    kind: str
    text: str
    seconds: float
    facts: dict[str, Any]


class FirstOrder:
    """A user with an account, keys and a subscription to a strategy of signals; all of it is made once and found again."""

    def __init__(self, cloud: Cloud, email: str, notional: Decimal) -> None:
        self._cloud = cloud
        self._platform = Platform(cloud)
        self._admin = self._platform.as_administrator()
        self._api = self._platform.as_user(cloud.user(email))
        self._notional = format(notional, "f")
        self._paper = cloud.outputs["PaperExchangeUrl"]

    def prepare(self) -> None:
        """Make what is missing, and make the subscription's orders as large as asked for."""
        self._secret = self._source_secret()
        self._in_force = time.monotonic() + KNOWN_FOR.total_seconds()  # an intake may know the secret before this one until then
        account_id = self._account()
        self._subscription_id = self._subscription(account_id)

    def symbols(self) -> list[str]:
        """The markets that the paper exchange lists, in its own words."""
        answer = httpx.get(f"{self._paper}/fapi/v1/exchangeInfo", timeout=REQUEST_SECONDS)
        return sorted(row["symbol"] for row in answer.json()["symbols"])

    def send(self, action: str, symbol: str) -> Step:
        """Send the signal by webhook, at the paper exchange's price of this moment. Raises CommandError (UNKNOWN_MARKET)."""
        answer = httpx.get(f"{self._paper}/fapi/v1/ticker/price", params={"symbol": symbol}, timeout=REQUEST_SECONDS)
        if answer.status_code != httpx.codes.OK:
            known = ", ".join(self.symbols())
            raise CommandError(f"the paper exchange lists no market called {symbol!r}: {known}", "UNKNOWN_MARKET", 2)
        price = answer.json()["price"]
        # A name of its own: the same words at the same price would be taken for a repeat of the signal before.
        body = {"ticker": symbol, "action": action, "price": price, "signal_id": RandomIdentifiers().new()}
        url = f"{self._cloud.outputs['ApiUrl']}/webhooks/{STRATEGY}/{self._secret}"
        time.sleep(max(0.0, self._in_force - time.monotonic()))
        self._started = time.monotonic()
        sent = httpx.post(url, json=body, timeout=REQUEST_SECONDS)
        if sent.status_code != httpx.codes.ACCEPTED:
            raise CommandError(f"the signal was refused: {sent.status_code} {sent.text[:300]}", "SIGNAL_REFUSED")
        self._signal_id = str(sent.json()["signal_id"])
        facts = {"signal_id": self._signal_id, "action": action, "market": symbol, "price": price}
        return self._step("signal", f"{action} {symbol} at {price}, accepted as {self._signal_id}", facts)

    def watch(self) -> Iterator[Step]:
        """The steps of the signal as they happen, until every leg has its outcome. Raises CommandError (ORDER_TIMEOUT)."""
        shown: dict[str, str] = {}
        while time.monotonic() - self._started < WATCH_SECONDS:
            legs = [leg for leg in self._legs() if leg["signal_id"] == self._signal_id]
            if legs and not shown:
                yield self._decision(legs)
            for leg in legs:
                if shown.get(leg["order_id"]) != leg["state"]:
                    shown[leg["order_id"]] = leg["state"]
                    yield self._leg(leg)
            if legs and all(leg["state"] in FINAL for leg in legs):
                return
            time.sleep(POLL_SECONDS)
        message = f"the order has no outcome after {WATCH_SECONDS:.0f} s: see `candlecast local logs order_executor`"
        raise CommandError(message, "ORDER_TIMEOUT")

    def _legs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._api.call("GET", f"/v1/orders?subscription_id={self._subscription_id}")["items"]
        return found[::-1]  # oldest first: the entry before its stop

    def _decision(self, legs: list[dict[str, Any]]) -> Step:
        denied = sorted({leg["reason"]["code"] for leg in legs if leg["reason"]})
        text = f"{len(legs)} leg(s): {', '.join(leg['leg'] for leg in legs)}" + (f"; {', '.join(denied)}" if denied else "")
        return self._step("decision", text, {"legs": [leg["leg"] for leg in legs], "reasons": denied})

    def _leg(self, leg: dict[str, Any]) -> Step:
        size = f"{leg['side']} {leg['quantity']} {leg['market']}" if leg["side"] else leg["market"]
        text = f"{leg['leg']} {leg['state']}: {size}"
        if leg["state"] == "FILLED":
            text += f", filled {leg['filled_quantity']} at {leg['average_price']}, fee {leg['fee']}"
        if leg["reason"]:
            text += f", {leg['reason']['code']}: {leg['reason'].get('message') or ''}".rstrip(": ")
        return self._step("fill" if leg["state"] == "FILLED" else "order", text, leg)

    def _step(self, kind: str, text: str, facts: dict[str, Any]) -> Step:
        return Step(kind, text, round(time.monotonic() - self._started, 2), facts)

    def _source_secret(self) -> str:
        """A new secret of the strategy's webhook: one that was issued before cannot be read again."""
        known = any(it["strategy_id"] == STRATEGY for it in self._admin.pages("/v1/strategies"))
        if known:
            return str(self._admin.call("POST", f"/v1/strategies/{STRATEGY}/source/secret")["secret"])
        body = {"kind": "EXTERNAL", "strategy_id": STRATEGY, "name": "Orders of `candlecast local order`", "venue": VENUE}
        return str(self._admin.call("POST", "/v1/strategies", body)["source"]["secret"])

    def _account(self) -> str:
        for account in self._api.call("GET", "/v1/accounts")["items"]:
            # another account of the user may follow other strategies, and holds nothing of these orders
            is_own = account["label"] == LABEL and account["venue"] == VENUE
            if is_own and account["status"] == "ACTIVE" and account["credentials_set"]:
                return str(account["account_id"])
        account_id = str(self._api.call("POST", "/v1/accounts", {"label": LABEL, "venue": VENUE})["account_id"])
        keys = Operator(self._cloud).open_account(ASSET, BALANCE)
        body = {"api_key": keys.api_key, "api_secret": keys.api_secret}
        self._api.call("PUT", f"/v1/accounts/{account_id}/credentials", body)
        wait_until_verified(self._api, account_id)
        return account_id

    def _subscription(self, account_id: str) -> str:
        sizing = {"mode": "FIXED_NOTIONAL", "value": self._notional}
        for known in self._api.pages("/v1/subscriptions"):
            if known["strategy_id"] == STRATEGY and known["account_id"] == account_id and known["status"] == "ACTIVE":
                self._api.call("PATCH", f"/v1/subscriptions/{known['subscription_id']}/settings", {"sizing": sizing})
                return str(known["subscription_id"])
        body = {"strategy_id": STRATEGY, "account_id": account_id, "settings": {"capital": CAPITAL, "sizing": sizing}}
        return str(self._api.call("POST", "/v1/subscriptions", body)["subscription_id"])
