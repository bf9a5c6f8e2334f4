"""Users make themselves at home through the product's own API: account, keys, subscription."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from infra.local.cloud import Cloud, User
from infra.local.demo.exchange import Operator, PaperKeys
from infra.local.demo.scenario import VENUE, Case, PlannedStrategy, PlannedUser
from infra.local.project import CommandError

PARALLEL = 4  # requests in flight: two cores have the emulator and its functions to run beside
REQUEST_SECONDS = 300.0  # ends a request that hangs; many cold starts at once take a minute on a busy machine
BUSY_PAUSES_SECONDS = (1.0, 3.0, 10.0)  # before the retries of a 503: hundreds of users arrive on a machine that has other work
VERIFIED_SECONDS = 300.0  # hundreds of users may have put their keys at once
VERIFIED_POLL_SECONDS = 0.5
ADMINISTRATOR = "operator@example.com"
ADMINISTRATORS = "platform_admin"


@dataclass(frozen=True, slots=True)
class Person:
    """A user as the platform knows them. `keys` never shows."""

    plan: PlannedUser
    user: User
    account_id: str | None
    subscription_id: str
    keys: PaperKeys | None


class Api:
    """The product's HTTP API, as one caller."""

    def __init__(self, http: httpx.Client, token: str) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's JSON. Raises CommandError with the problem's code and detail, or if no answer comes."""
        answer = self.answer(method, path, body)
        if answer.status_code >= 400:
            raise CommandError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None

    def answer(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """The answer, also of an error; a 503 is retried. Raises CommandError if no answer comes."""
        answer = self._ask(method, path, body)
        for pause in BUSY_PAUSES_SECONDS:
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            time.sleep(pause)
            answer = self._ask(method, path, body)
        return answer

    def _ask(self, method: str, path: str, body: Any) -> httpx.Response:
        """One request. It is not repeated without an answer: a second POST would make a second thing."""
        try:
            return self._http.request(method, path, json=body, headers=self._headers)
        except httpx.TransportError as error:
            raise CommandError(f"{method} {path}: no answer ({type(error).__name__})") from error

    def pages(self, path: str) -> Iterable[Any]:
        """All items of a listing."""
        cursor = ""
        while True:
            page = self.call("GET", f"{path}{'&' if '?' in path else '?'}limit=100{cursor}")
            yield from page["items"]
            if not page.get("next_cursor"):
                return
            cursor = f"&cursor={page['next_cursor']}"


def wait_until_verified(api: Api, account_id: str) -> None:
    """Wait until new keys have been vetted and looked with. Raises CommandError if that takes too long."""
    end = time.monotonic() + VERIFIED_SECONDS
    while (account := api.call("GET", f"/v1/accounts/{account_id}"))["status"] == "VERIFYING":
        if time.monotonic() > end:
            raise CommandError(f"keys are not verified within {VERIFIED_SECONDS:.0f} s: {account['suspensions']}")
        time.sleep(VERIFIED_POLL_SECONDS)


class Platform:
    """Opens the API for anybody who has signed in."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._http = httpx.Client(base_url=cloud.outputs["ApiUrl"], timeout=REQUEST_SECONDS)

    def close(self) -> None:
        """Give back the connections; not needed by a process that ends anyway."""
        self._http.close()

    def as_user(self, user: User) -> Api:
        return Api(self._http, user.token)

    def as_administrator(self) -> Api:
        return self.as_user(self._cloud.user(ADMINISTRATOR, groups=(ADMINISTRATORS,)))

    def create_strategies(self, strategies: Sequence[PlannedStrategy]) -> None:
        api = self.as_administrator()
        for strategy in strategies:
            api.call("POST", "/v1/strategies", strategy.body)

    def settle(self, users: Sequence[PlannedUser], operator: Operator, step: Callable[[int], None]) -> tuple[Person, ...]:
        """Sign everybody up, give them paper keys and a subscription; `step` is told after each."""
        people = []
        pool = ThreadPoolExecutor(PARALLEL)
        try:
            for number, person in enumerate(pool.map(lambda user: self._settle(user, operator), users), start=1):
                people.append(person)
                step(number)
            list(pool.map(self._verify, people))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # Ctrl-C does not wait for everybody else
        return tuple(people)

    def _verify(self, person: Person) -> None:
        if person.keys is not None:
            wait_until_verified(self.as_user(person.user), str(person.account_id))

    def _settle(self, plan: PlannedUser, operator: Operator) -> Person:
        user = self._cloud.user(f"{plan.name}@example.com")
        api = self.as_user(user)
        account_id = None
        if plan.case is not Case.WITHOUT_ACCOUNT:
            account_id = api.call("POST", "/v1/accounts", {"label": "main", "venue": VENUE})["account_id"]
        keys = None
        if account_id is not None and plan.case is not Case.WITHOUT_KEY:
            keys = operator.open_account(plan.quote, plan.balance)
            body = {"api_key": keys.api_key, "api_secret": keys.api_secret}
            api.call("PUT", f"/v1/accounts/{account_id}/credentials", body)
        order = {"strategy_id": plan.strategy.strategy_id, "account_id": account_id, "settings": dict(plan.settings)}
        subscription_id = api.call("POST", "/v1/subscriptions", order)["subscription_id"]
        if plan.case is Case.PAUSED:
            api.call("POST", f"/v1/subscriptions/{subscription_id}/pause")
        if keys is not None and plan.case is Case.REVOKED_KEY:
            wait_until_verified(api, str(account_id))  # or nobody could say why the keys are refused
            operator.revoke(keys)
        return Person(plan, user, account_id, subscription_id, keys)
