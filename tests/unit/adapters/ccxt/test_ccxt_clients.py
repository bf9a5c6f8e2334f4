"""Clients of accounts: cheap because they share, safe because what is shared cannot be written."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import pytest

from candlecast.adapters.ccxt.clients import clone_for, make_template
from candlecast.ports.venue import Credentials
from tests.support.builders import BTC
from tests.support.raw_venue import RawVenue


@pytest.fixture(scope="module")
def template() -> Any:
    return make_template("binanceusdm", "http://127.0.0.1:9")


def test_an_option_of_one_account_is_not_seen_by_another(template: Any) -> None:
    one, other = (clone_for(template, Credentials(name, "secret")) for name in ("one", "other"))
    one.options["timeDifference"] = 1_234
    one.headers["X-Of-One"] = "1"
    for client in (other, template):
        assert client.options.get("timeDifference") != 1_234
        assert "X-Of-One" not in client.headers if client.headers else True


def test_rounding_of_ccxt_leaves_the_rounding_of_money_as_it_is() -> None:
    client = RawVenue().templates().of("paper")
    with localcontext() as context:
        before = context.copy()
        assert client.price_to_precision(BTC, "101.25") == client.price_to_precision(BTC, Decimal("101.25"))
        assert client.amount_to_precision(BTC, "0.1234567") is not None
        assert (context.rounding, context.traps) == (before.rounding, before.traps)
        assert Decimal("0.625").quantize(Decimal("0.01")) == Decimal("0.62")


def test_keys_belong_to_one_client_only(template: Any) -> None:
    one, other = (clone_for(template, Credentials(name, f"secret-of-{name}")) for name in ("one", "other"))
    assert (one.apiKey, one.secret, other.apiKey, other.secret) == ("one", "secret-of-one", "other", "secret-of-other")
    assert not template.apiKey
    assert not template.secret


def test_what_lies_within_an_option_refuses_to_be_written(template: Any) -> None:
    client = clone_for(template, Credentials("key", "secret"))
    within = [value for value in client.options.values() if isinstance(value, dict)]
    assert within, "if nothing were shared, nothing would be refused"
    for each in within:
        with pytest.raises(TypeError):
            each["x"] = 1
        for write, arguments in (("update", {"x": 1}), ("setdefault", {}), ("pop", {}), ("popitem", {}), ("clear", {})):
            with pytest.raises(TypeError):
                getattr(each, write)(**arguments)
    for rows in (value for value in client.options.values() if isinstance(value, list)):
        for name in ("clear", "sort", "pop"):
            with pytest.raises(TypeError):
                getattr(rows, name)()
