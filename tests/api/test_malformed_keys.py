"""No text that is pasted for a key shows in an answer, a log, a store, a queue, an event or an error."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from candlecast.adapters.aws.secrets import SecretsManagerVault
from candlecast.domain.account.account import AccountStatus
from candlecast.domain.account.exchange_keys import require_api_key, require_api_secret
from candlecast.domain.signals.messages import VettingRequest
from candlecast.domain.values.errors import DomainError, InvalidValue
from candlecast.ports.venue import Credentials
from candlecast.services.account.vet_keys import VetKeys
from tests.api.conftest import Deployment, Spoken
from tests.support.builders import ACCOUNT, NOW, TENANT, a_reconcile_request, after
from tests.support.fakes.queues import FakeReconcileQueue
from tests.support.malformed_keys import KEY, SECRET, malformed_keys, shows
from tests.support.money_path import MoneyPath, bracket

PATH = f"/v1/accounts/{ACCOUNT}/credentials"
KINDS = malformed_keys()
REFUSALS = {"KEY_HAS_BLANKS", "KEY_NOT_PRINTABLE", "KEY_TOO_LONG", "KEY_PEM_INVALID", "INVALID_REQUEST"}


def test_the_search_would_find_a_canary() -> None:
    assert all(shows(key) and shows(secret) for key, secret in KINDS.values())
    assert not shows("KEY_HAS_BLANKS")


def test_no_malformed_key_is_taken_or_repeated_by_the_api(populated: Deployment, spoken: Spoken) -> None:
    before = populated.database.accounts[TENANT, ACCOUNT]
    for kind, (key, secret) in KINDS.items():
        answer = populated.client.send("PUT", PATH, raw=json.dumps({"api_key": key, "api_secret": secret}))
        assert (answer.status, answer.code in REFUSALS) == (422, True), kind
        assert not shows(answer.text + str(answer.headers)), kind
    assert not shows(spoken.text)
    assert not shows(repr(populated.database) + repr(populated.vetting_queue.sent))
    assert populated.database.accounts[TENANT, ACCOUNT] == before


def test_no_refusal_repeats_the_text_that_it_refuses() -> None:
    for kind, (key, secret) in KINDS.items():
        with pytest.raises(InvalidValue) as refused:
            Credentials(key, secret)
        error = refused.value
        told = f"{error} {error!r} {error.args} {error.__cause__!r} {error.__dict__}"
        assert not shows(told), kind
        assert error.__context__ is None or error.__suppress_context__, kind
    assert (require_api_key(KEY), require_api_secret(SECRET)) == (KEY, SECRET)


class OldVault:
    """Secrets Manager with keys from before keys were checked."""

    def __init__(self, key: str, secret: str) -> None:
        self._text = json.dumps({"api_key": key, "api_secret": secret})

    def get_secret_value(self, **_: Any) -> dict[str, str]:
        return {"SecretString": self._text}


def test_keys_from_before_the_check_show_nowhere_when_they_are_used(spoken: Spoken) -> None:
    for kind, (key, secret) in KINDS.items():
        client: Any = OldVault(key, secret)
        path, looks = MoneyPath(reconciled_at=NOW), FakeReconcileQueue()
        vault = SecretsManagerVault(client, "candlecast")
        vet = VetKeys(path.accounts, vault, path.venues, looks, path.clock, path.metrics)
        errors = []
        path.reconciler = replace(path.reconciler, vault=vault)
        path.executor = replace(path.executor, vault=vault)
        request = VettingRequest(tenant_id=TENANT, account_id=ACCOUNT, correlation_id="canary run", asked_at=after(1))
        uses: tuple[Callable[[], object], ...] = (
            partial(vet, request),
            partial(path.execute, bracket(issued_at=path.clock.now())),
            partial(path.reconciler, a_reconcile_request(full=True)),
        )
        for use in uses:
            try:
                use()
            except DomainError as error:
                errors.append(f"{error} {error!r} {error.__cause__!r}")
        assert path.exchange.requests == [], "a key that is none signs nothing"
        assert (path.account.status, path.account.disabled_reason) == (AccountStatus.DISABLED, "CREDENTIALS_INVALID"), kind
        assert not shows(repr(path.database) + repr(looks.sent) + repr(path.queue.sent) + repr(errors)), kind
    assert not shows(spoken.text)
