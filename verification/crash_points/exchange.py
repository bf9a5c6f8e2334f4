"""Binance USD-M as ccxt's HTTP session sees it: one market, one account, its errors and its silences.

Client ids are unique among open orders only (error -4116), so a market order that is sent again is executed again. Answers have
the fields and types of https://developers.binance.com/docs/derivatives/usds-margined-futures, as far as ccxt reads them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.exceptions import ReadTimeout
from requests.structures import CaseInsensitiveDict

from verification.crash_points.boundary import Crosser, Fault, FaultGroup, Operation
from verification.crash_points.venue_book import (
    ALGO,
    BLIND_SECONDS,
    LATEST_SECONDS,
    LIFE,
    Body,
    Parameters,
    Refusal,
    balance,
    cancel,
    fee_rates,
    fill_resting,
    find,
    incomes,
    leverage_brackets,
    open_orders,
    place,
    positions,
    set_leverage,
    set_margin_type,
    shown,
    trades,
)
from verification.crash_points.world import Arrival, World

NO_BODY: Body = {"no": "body"}  # stands for an answer without any
UNKNOWN_SECONDS = 0.0  # time without an answer until the sender gives up; a slow write covers longer waits


class Session(requests.Session):
    """Takes the place of a client's HTTP session."""

    def __init__(self, crosser: Crosser, api_key: str) -> None:
        super().__init__()
        self._crosser, self._api_key = crosser, api_key

    def request(self, method: Any, url: Any, *_: Any, data: Any = None, headers: Any = None, **__: Any) -> requests.Response:
        if headers["X-MBX-APIKEY"] != self._api_key:
            raise AssertionError("signed with somebody else's key")
        split = urlsplit(str(url))
        body = data.decode() if isinstance(data, bytes) else data or ""
        parameters = dict(parse_qsl(f"{split.query}&{body}"))
        if len(parameters.pop("signature", "")) != 64:
            raise AssertionError("not signed")
        for moment in ("timestamp", "recvWindow"):
            parameters.pop(moment, None)
        operation = operation_of(str(method), split.path, parameters)
        try:
            return _response(200, self._crosser.cross(operation), {})
        except Refusal as no:
            return _response(no.status, {"code": no.code, "msg": no.text}, no.headers)


def operation_of(method: str, path: str, parameters: Parameters) -> Operation:
    """The request as a boundary."""
    if method == "POST" and path in (LIFE, ALGO):
        leg = parameters.get("type", "") or parameters.get("orderType", "")
        client_id = parameters["clientAlgoId" if path == ALGO else "newClientOrderId"]
        faults = _placing_faults(path, parameters)
        return Operation(f"create {parameters['side']} {leg}", _Placing(path, parameters), faults, client_id, at_venue=True)
    apply = _HANDLERS.get((method, path))
    if apply is None:
        raise AssertionError(f"the venue has no {method} {path}")
    faults = _changing_faults(apply, parameters) if method in ("DELETE", "POST") else _asking_faults()
    if (method, path) == ("DELETE", LIFE):
        faults = (*faults, _filled_first(parameters))
    return Operation(f"{method} {path.removeprefix('/fapi/')}", lambda world: apply(world, parameters), faults, at_venue=True)


@dataclass(frozen=True, slots=True)
class _Placing:
    path: str
    parameters: Parameters

    def __call__(self, world: World) -> Body:
        return shown(place(world, self.path, self.parameters))


_HANDLERS: Mapping[tuple[str, str], Callable[[World, Parameters], Body]] = {
    ("GET", LIFE): find,
    ("GET", ALGO): find,
    ("DELETE", LIFE): cancel,
    ("DELETE", ALGO): cancel,
    ("GET", "/fapi/v1/openOrders"): open_orders(False),
    ("GET", "/fapi/v1/openAlgoOrders"): open_orders(True),
    ("GET", "/fapi/v1/userTrades"): trades,
    ("GET", "/fapi/v1/income"): incomes,
    ("GET", "/fapi/v1/commissionRate"): fee_rates,
    ("GET", "/fapi/v1/leverageBracket"): leverage_brackets,
    ("GET", "/fapi/v3/positionRisk"): positions,
    ("GET", "/fapi/v3/account"): balance,
    ("POST", "/fapi/v1/leverage"): set_leverage,
    ("POST", "/fapi/v1/marginType"): set_margin_type,
}


# -- what can go wrong ------------------------------------------------------------------------------------------------------


def _placing_faults(path: str, parameters: Parameters) -> tuple[Fault, ...]:
    def executed(world: World) -> None:
        place(world, path, parameters)

    def hidden(world: World) -> Body:
        return shown(place(world, path, parameters, BLIND_SECONDS))

    def late(world: World) -> None:
        arrival = Arrival(world.now + LATEST_SECONDS, path, tuple(parameters.items()))
        world.arrivals = (*world.arrivals, arrival)

    answers = {
        "accepted, then time-out": _then(executed, _time_out),
        "accepted, then 502": _then(executed, _gateway_error),
        "accepted, then -1007": _then(executed, _backend_timeout),
        "accepted, answered, not yet seen by readers": hidden,
        "lost on the way, time-out": _time_out,
        "not accepted, 503": _gateway_error,
        "not accepted, -1007": _backend_timeout,
        "arrives late, time-out": _then(late, _time_out),
        "rejected": _refused(-2019, "Margin is insufficient."),
    }
    if path == ALGO:
        answers["rejected, the market is beyond it"] = _then(_passed, _refused(-2021, "Order would immediately trigger."))
    return (
        *(Fault(name, act, FaultGroup.ORDERS) for name, act in answers.items()),
        Fault("rate limited", _refused(-1003, "Too many requests.", 429, {"Retry-After": "5"})),
        Fault("order rate limited", _refused(-1015, "Too many new orders.", 429)),
        Fault("keys refused", _keys_refused),
        Fault("accepted, then nothing that is an answer", _then(executed, _nonsense)),
        Fault("not accepted, nothing that is an answer", _nonsense),
    )


def _passed(world: World) -> None:
    world.passed = True


def _changing_faults(apply: Callable[[World, Parameters], Body], parameters: Parameters) -> tuple[Fault, ...]:
    def done(world: World) -> None:
        apply(world, parameters)

    return (
        Fault("done, then time-out", _then(done, _time_out)),
        Fault("done, then nothing that is an answer", _then(done, _nonsense)),
        Fault("not done, 503", _gateway_error),
        Fault("rate limited", _refused(-1003, "Too many requests.", 429, {"Retry-After": "5"})),
    )


def _filled_first(parameters: Parameters) -> Fault:
    def filled(world: World) -> Body:
        fill_resting(world)
        return cancel(world, parameters)

    return Fault("filled before the cancellation arrives", filled, FaultGroup.ORDERS)


def _asking_faults() -> tuple[Fault, ...]:
    return (
        Fault("time-out", _time_out),
        Fault("502", _gateway_error),
        Fault("nothing that is an answer", _nonsense),
        Fault("keys refused", _keys_refused),
    )


def _then(first: Callable[[World], None], answer: Callable[[World], Any]) -> Callable[[World], Any]:
    def both(world: World) -> Any:
        first(world)
        return answer(world)

    return both


def _time_out(world: World) -> Any:
    world.now += UNKNOWN_SECONDS
    raise ReadTimeout("Read timed out.")


def _nonsense(world: World) -> Any:
    """A success whose body is empty, as proxies give it; ccxt reads nothing out of it, and raises nothing."""
    world.now += UNKNOWN_SECONDS
    return NO_BODY


def _keys_refused(_: World) -> Any:
    """Once, as a banned address or a mistake of the venue gives it: the keys still work."""
    raise Refusal(-2015, "Invalid API-key, IP, or permissions for action.", 401)


def _gateway_error(world: World) -> Any:
    world.now += UNKNOWN_SECONDS
    raise Refusal(-1000, "An unknown error occurred while processing the request.", 502)


def _backend_timeout(world: World) -> Any:
    world.now += UNKNOWN_SECONDS
    raise Refusal(-1007, "Timeout waiting for response from backend server. Send status unknown; execution status unknown.", 408)


def _refused(code: int, text: str, status: int = 400, headers: Mapping[str, str] | None = None) -> Callable[[World], Any]:
    def refuse(_: World) -> Any:
        raise Refusal(code, text, status, headers)

    return refuse


def _response(status: int, body: Body | Sequence[Any], headers: Mapping[str, str]) -> requests.Response:
    response = requests.Response()
    response.status_code, response.reason = status, ""
    response.headers = CaseInsensitiveDict({"Content-Type": "application/json", "x-mbx-used-weight-1m": "1", **headers})
    response._content = b"" if body is NO_BODY else json.dumps(body).encode()
    return response
