"""Errors in the venue's own dialect: a negative code, a message, an HTTP status.

Codes and messages are those of Binance USD-M futures ("Error Codes" in its API documentation). A client tells situations apart
by the code alone, so these are part of the interface.
"""

from __future__ import annotations

from decimal import Decimal


class VenueError(Exception):
    """An answer `{"code": code, "msg": message}` with an HTTP status."""

    def __init__(self, code: int, message: str, status: int = 400, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.status = status
        self.headers = headers or {}


class OperatorError(Exception):
    """An operator's request that cannot be done; `code` is SCREAMING_SNAKE and stable."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def internal_error() -> VenueError:
    return VenueError(-1001, "Internal error; unable to process your request. Please try again.", 500)


def too_many_requests(status: int, retry_after_seconds: int) -> VenueError:
    """429: slow down. 418: banned for not having slowed down."""
    message = "Too many requests; please use the websocket for live updates to avoid bans."
    if status == 418:
        message = "Way too many requests; IP banned. Please use the websocket for live updates to avoid bans."
    return VenueError(-1003, message, status, {"Retry-After": str(retry_after_seconds)})


def backend_timeout() -> VenueError:
    return VenueError(
        -1007, "Timeout waiting for response from backend server. Send status unknown; execution status unknown.", 408
    )


def too_many_orders(limit: int, window: str, retry_after_seconds: int) -> VenueError:
    """The account's own limit; `window` is "10 SECOND" or "1 MINUTE"."""
    message = f"Too many new orders; current limit is {limit} orders per {window}."
    return VenueError(-1015, message, 429, {"Retry-After": str(retry_after_seconds)})


def outside_receive_window() -> VenueError:
    return VenueError(-1021, "Timestamp for this request is outside of the recvWindow.")


def ahead_of_server() -> VenueError:
    return VenueError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")


def start_after_end() -> VenueError:
    return VenueError(-1023, "Start time is greater than end time.")


def invalid_signature() -> VenueError:
    return VenueError(-1022, "Signature for this request is not valid.")


def illegal_characters(name: str, pattern: str) -> VenueError:
    return VenueError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'.")


def missing_parameter(name: str) -> VenueError:
    return VenueError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def empty_parameter(name: str) -> VenueError:
    return VenueError(-1105, f"Parameter '{name}' was empty.")


def unwanted_parameter(name: str) -> VenueError:
    return VenueError(-1106, f"Parameter '{name}' sent when not required.")


def too_precise() -> VenueError:
    return VenueError(-1111, "Precision is over the maximum defined for this asset.")


def no_price() -> VenueError:
    return VenueError(-1112, "No orders on book for symbol.")


def invalid_time_in_force() -> VenueError:
    return VenueError(-1115, "Invalid timeInForce.")


def invalid_order_type() -> VenueError:
    return VenueError(-1116, "Invalid orderType.")


def invalid_side() -> VenueError:
    return VenueError(-1117, "Invalid side.")


def invalid_interval() -> VenueError:
    return VenueError(-1120, "Invalid interval.")


def invalid_symbol() -> VenueError:
    return VenueError(-1121, "Invalid symbol.")


def too_many_hours(hours: int) -> VenueError:
    return VenueError(-1127, f"More than {hours} hours between startTime and endTime.")


def bad_combination(names: str) -> VenueError:
    return VenueError(-1128, f"Combination of optional parameters invalid: {names}.")


def invalid_parameter(name: str) -> VenueError:
    return VenueError(-1130, f"Data sent for parameter '{name}' is not valid.")


def invalid_response_type() -> VenueError:
    return VenueError(-1136, "Invalid newOrderRespType.")


def unknown_order_sent() -> VenueError:
    return VenueError(-2011, "Unknown order sent.")


def order_does_not_exist() -> VenueError:
    return VenueError(-2013, "Order does not exist.")


def key_format_invalid() -> VenueError:
    return VenueError(-2014, "API-key format invalid.", 401)


def key_rejected() -> VenueError:
    return VenueError(-2015, "Invalid API-key, IP, or permissions for action.", 401)


def margin_insufficient() -> VenueError:
    return VenueError(-2019, "Margin is insufficient.")


def would_trigger_immediately() -> VenueError:
    return VenueError(-2021, "Order would immediately trigger.")


def reduce_only_rejected() -> VenueError:
    return VenueError(-2022, "ReduceOnly Order is rejected.")


def too_many_open_orders() -> VenueError:
    return VenueError(-2025, "Reach max open order limit.")


def position_too_large() -> VenueError:
    return VenueError(-2027, "Exceeded the maximum allowable position at current leverage.")


def leverage_too_small() -> VenueError:
    return VenueError(-2028, "Leverage is smaller than permitted: insufficient margin balance.")


def price_not_positive() -> VenueError:
    return VenueError(-4001, "Price less than 0.")


def price_above_maximum() -> VenueError:
    return VenueError(-4002, "Price greater than max price.")


def quantity_not_positive() -> VenueError:
    return VenueError(-4003, "Quantity less than or equal to zero.")


def quantity_below_minimum() -> VenueError:
    return VenueError(-4004, "Quantity less than min quantity.")


def quantity_above_maximum() -> VenueError:
    return VenueError(-4005, "Quantity greater than max quantity.")


def trigger_not_positive() -> VenueError:
    return VenueError(-4006, "Stop price less than zero.")


def price_below_minimum() -> VenueError:
    return VenueError(-4013, "Price less than min price.")


def price_off_tick() -> VenueError:
    return VenueError(-4014, "Price not increased by tick size.")


def invalid_client_id() -> VenueError:
    return VenueError(-4015, "Client order id is not valid.")


def price_above_multiplier(limit: Decimal) -> VenueError:
    return VenueError(-4016, f"Limit price can't be higher than {limit}.")


def invalid_depth_limit(limit: int) -> VenueError:
    return VenueError(-4021, f"{limit} is not valid depth limit")


def quantity_off_step() -> VenueError:
    return VenueError(-4023, "Quantity not increased by step size.")


def price_below_multiplier(limit: Decimal) -> VenueError:
    return VenueError(-4024, f"Limit price can't be lower than {limit}.")


def invalid_leverage(leverage: int) -> VenueError:
    return VenueError(-4028, f"Leverage {leverage} is not valid")


def too_many_to_cancel() -> VenueError:
    return VenueError(-4032, "Exceed max cancel order size.")


def too_many_conditional_orders() -> VenueError:
    return VenueError(-4045, "Reach max stop order limit.")


def margin_type_unchanged() -> VenueError:
    return VenueError(-4046, "No need to change margin type.")


def margin_type_with_orders() -> VenueError:
    return VenueError(-4047, "Margin type cannot be changed if there exists open orders.")


def margin_type_with_position() -> VenueError:
    return VenueError(-4048, "Margin type cannot be changed if there exists position.")


def margin_not_isolated() -> VenueError:
    return VenueError(-4049, "Add margin only support for isolated position.")


def cross_balance_insufficient() -> VenueError:
    return VenueError(-4050, "Cross balance insufficient.")


def isolated_balance_insufficient() -> VenueError:
    return VenueError(-4051, "Isolated balance insufficient.")


def no_position_for_margin() -> VenueError:
    return VenueError(-4054, "Cannot add position margin: position is 0.")


def amount_not_positive() -> VenueError:
    return VenueError(-4055, "Amount must be positive.")


def position_mode_unchanged() -> VenueError:
    return VenueError(-4059, "No need to change position side.")


def invalid_position_side() -> VenueError:
    return VenueError(-4060, "Invalid position side.")


def position_side_mismatch() -> VenueError:
    return VenueError(-4061, "Order's position side does not match user's setting.")


def position_mode_with_orders() -> VenueError:
    return VenueError(-4067, "Position side cannot be changed if there exists open orders.")


def position_mode_with_position() -> VenueError:
    return VenueError(-4068, "Position side cannot be changed if there exists position.")


def invalid_batch_size() -> VenueError:
    return VenueError(-4082, "Invalid number of batch place orders.")


def not_yet(what: str) -> VenueError:
    """A documented method that this venue does not have yet; `what` says so in its words."""
    return VenueError(-4084, f"Method is not allowed currently. Upcoming soon. {what}")


def invalid_contract_type() -> VenueError:
    return VenueError(-4104, "Invalid contract type.")


def market_ended() -> VenueError:
    return VenueError(-4108, "Symbol is on delivering or delivered or settling or closed or pre-trading.")


def duplicate_client_id() -> VenueError:
    return VenueError(-4116, "ClientOrderId is duplicated.")


def use_algo_endpoint() -> VenueError:
    return VenueError(-4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.")


def close_position_exists() -> VenueError:
    return VenueError(-4130, "An open stop or take profit order with GTE and closePosition in the direction is existing.")


def invalid_activation_price() -> VenueError:
    return VenueError(-4135, "Invalid activation price.")


def invalid_combination(kind: str) -> VenueError:
    return VenueError(-4136, f"Target strategy invalid for orderType {kind},closePosition true")


def close_position_with_quantity() -> VenueError:
    return VenueError(-4137, "Quantity must be zero with closePosition equals true")


def invalid_pair() -> VenueError:
    return VenueError(-4144, "Invalid pair.")


def isolated_leverage_reduced() -> VenueError:
    return VenueError(-4161, "Leverage reduction is not supported in Isolated Margin Mode with open positions.")


def notional_too_small(minimum: Decimal) -> VenueError:
    return VenueError(-4164, f"Order's notional must be no smaller than {minimum} (unless you choose reduce only).")


def interval_too_long(days: int) -> VenueError:
    return VenueError(-4165, f"Invalid time interval. Maximum time interval is {days} days.")


def asset_mode_unchanged() -> VenueError:
    return VenueError(-4171, "Adjusted asset mode is currently set and does not need to be adjusted repeatedly.")


def nothing_to_outlive() -> VenueError:
    """A GTE_GTC order needs the position with which it ends."""
    message = "Time in Force (TIF) GTE can only be used with open positions. Please ensure that positions are available."
    return VenueError(-4509, message)


def path_invalid(method: str, path: str) -> VenueError:
    return VenueError(-5000, f"Path {path}, Method {method} is invalid", 404)


def fill_or_kill_rejected() -> VenueError:
    return VenueError(-5021, "Due to the order could not be filled immediately, the FOK order has been rejected.")


def post_only_rejected() -> VenueError:
    return VenueError(-5022, "Due to the order could not be executed as maker, the Post Only order will be rejected.")


def too_many_amendments() -> VenueError:
    return VenueError(-5026, "Exceed maximum modify order limit.")


def amendment_unneeded() -> VenueError:
    return VenueError(-5027, "No need to modify the order.")


def invalid_price_match() -> VenueError:
    return VenueError(-5037, "Invalid price match.")


def price_match_unsupported() -> VenueError:
    return VenueError(-5038, "Price match only supports order type: LIMIT, STOP AND TAKE_PROFIT.")


def invalid_good_till_date() -> VenueError:
    return VenueError(
        -5040,
        "The goodTillDate timestamp must be greater than the current time plus 600 seconds and smaller than 253402300799000.",
    )


def no_depth_for_match() -> VenueError:
    return VenueError(-5041, "No depth matches this BBO order.")


def not_reduce_only() -> VenueError:
    return VenueError(-5047, "The original order is not a reduce-only order.")
