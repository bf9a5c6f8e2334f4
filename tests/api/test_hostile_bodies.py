"""The answer to any body is a result or a problem with a code, never a fault of ours."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from functions.api.schemas.subscriptions import SettingsChange
from functions.api.schemas.values import MONEY
from tests.api.conftest import Deployment
from tests.support.builders import SUBSCRIPTION

PATH = f"/v1/subscriptions/{SUBSCRIPTION}/settings"
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.from_regex(MONEY, fullmatch=True),
    st.sampled_from(["LONG", "ISOLATED", "RISK_PERCENT", "1e400", "Infinity", "-0", "٣", "BTC/USDT:USDT"]),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
SIZINGS = st.fixed_dictionaries({"mode": st.sampled_from(["FIXED_QUANTITY", "RISK_PERCENT", "NONE"]), "value": SCALARS})
CHANGES = st.dictionaries(st.sampled_from(sorted(SettingsChange.model_fields)), VALUES | SIZINGS, max_size=4)


@pytest.mark.slow
@hypothesis_settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(body=CHANGES | VALUES)
@example(body={"capital": "999999999999999999.999999999999999999", "sizing": {"mode": "RISK_PERCENT", "value": "0"}})
@example(body={"leverage": 10**17, "allowed_markets": ["\ud800"]})
def test_no_settings_bring_the_api_down(populated: Deployment, body: Any) -> None:
    answer = populated.client.send("PATCH", PATH, body)
    assert answer.status in (200, 422), answer.text
    if answer.status == 422:
        assert answer.code
    assert populated.client.get(f"/v1/subscriptions/{SUBSCRIPTION}").status == 200


@pytest.mark.parametrize(
    "raw", ["", "null", "[" * 30_000, '{"capital": ' + "1" * 5_000 + "}", '{"a": "\\ud800"}', '{"\\ud800": 1}', "{}{}"]
)
def test_a_body_that_is_no_object_is_an_invalid_request(populated: Deployment, raw: str) -> None:
    answer = populated.client.send("PATCH", PATH, raw=raw)
    assert answer.status in (400, 422)
    assert answer.code == "INVALID_REQUEST"


@pytest.mark.parametrize(
    ("written", "taken"), [("3.0", "3"), ("3.00e0", "3"), ("30e-1", "3"), ("3.5", None), ("1e400", None), ("3e-9", None)]
)
def test_a_number_is_whole_by_its_value(populated: Deployment, written: str, taken: str | None) -> None:
    """JSON Schema counts 3.0 as an integer, and JavaScript writes it as 3."""
    answer = populated.client.send("PATCH", PATH, raw=f'{{"leverage": {written}}}')
    assert (answer.status, answer.json["settings"]["leverage"] if taken else None) == (200 if taken else 422, taken)


@pytest.mark.parametrize("digits", ["1e999999999", "1e-999999999", f"1e{'9' * 30}", f"1e-{'9' * 30}", f"0.0e{'9' * 30}", "-1e99"])
def test_an_absurd_number_is_an_invalid_request(populated: Deployment, digits: str) -> None:
    for field in ("leverage", "capital", "max_positions"):
        answer = populated.client.send("PATCH", PATH, raw=f'{{"{field}": {digits}}}')
        assert (answer.status, answer.code) == (422, "INVALID_REQUEST")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_body_of_another_type_is_an_invalid_request(populated: Deployment, content_type: str) -> None:
    answer = populated.client.send("PATCH", PATH, {"leverage": 3}, headers={"content-type": content_type})
    assert (answer.status, answer.code) == (422, "INVALID_REQUEST")


@pytest.mark.parametrize("parts", [",".join(f'"a{number}":[]' for number in range(20_000)), '"tags":[' + "0," * 20_000 + "0]"])
def test_a_large_body_has_no_more_parts_than_a_small_one_can_have(populated: Deployment, parts: str) -> None:
    """Each wrong part costs a kilobyte to report: two megabytes of them would take a gigabyte."""
    answer = populated.client.send("POST", "/v1/strategies", raw=f'{{"kind":"UPLOADED",{parts}}}')
    assert (answer.status, answer.code) == (422, "INVALID_REQUEST")
    assert [it["pointer"] for it in answer.json["errors"]] == [""]
