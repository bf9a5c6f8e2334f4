"""A request of the demo without an answer ends as one line for a person, and is not sent twice."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from infra.local.cloud import Cloud
from infra.local.demo.exchange import Operator
from infra.local.demo.people import Api
from infra.local.project import CommandError

Failure = Callable[[httpx.Request], httpx.Response]


def too_late(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("timed out", request=request)


def refused(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused", request=request)


@pytest.mark.parametrize(("failure", "name"), [(too_late, "ReadTimeout"), (refused, "ConnectError")])
def test_an_api_that_does_not_answer_is_named_and_asked_once(failure: Failure, name: str) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return failure(request)

    api = Api(httpx.Client(base_url="http://api", transport=httpx.MockTransport(answer)), "token")
    with pytest.raises(CommandError, match=rf"POST /v1/accounts: no answer \({name}\)"):
        api.call("POST", "/v1/accounts", {"label": "main"})
    assert asked == ["/v1/accounts"]


def test_an_exchange_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = httpx.Client
    secrets = SimpleNamespace(get_secret_value=lambda **_: {"SecretString": "key"})
    cloud = SimpleNamespace(
        outputs={"OperatorSecretId": "operator", "PaperExchangeUrl": "http://paper"}, client=lambda _: secrets
    )

    def client(**arguments: Any) -> httpx.Client:
        return plain(**arguments, transport=httpx.MockTransport(too_late))

    monkeypatch.setattr(httpx, "Client", client)
    operator = Operator(cast(Cloud, cloud))
    with pytest.raises(CommandError, match=r"paper exchange: PUT /clock: no answer \(ReadTimeout\)"):
        operator.run_clock()
