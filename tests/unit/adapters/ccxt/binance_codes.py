"""The error codes that Binance USD-M documents, each with its meaning in short and the instruction that it must become.

Facts of https://developers.binance.com/docs/derivatives/usds-margined-futures/error-code, in our words. An instruction is a kind
of error with its code: R a `Reject`, L a `RetryLater`, A an `Ambiguous`, F a `Fatal`. A read gets the same; for an `Ambiguous` a
read gets L VENUE_UNAVAILABLE. A line without an instruction is R VENUE_REJECTED.
"""

from __future__ import annotations

from dataclasses import dataclass

LINES = """
-1000 unknown error while processing | A OUTCOME_UNKNOWN
-1001 disconnected, internal error | A OUTCOME_UNKNOWN
-1002 not authorised to make the request | L KEYS_REFUSED
-1003 too many requests, or the address is banned | L RATE_LIMITED
-1004 the address is on the list already
-1005 no such address is on the list | L KEYS_REFUSED
-1006 unexpected answer inside, execution unknown | A OUTCOME_UNKNOWN
-1007 time-out inside, execution unknown | A OUTCOME_UNKNOWN
-1008 throttled, the server is overloaded; orders that reduce are exempt | L VENUE_OVERLOADED
-1010 an error message was received
-1011 the address may not use the route | L KEYS_REFUSED
-1013 invalid message
-1014 unsupported combination of an order
-1015 too many new orders | L ORDER_RATE_LIMITED
-1016 the service is shutting down | L VENUE_UNAVAILABLE
-1020 unsupported operation
-1021 time stamp outside of the receive window | L CLOCK_SKEWED
-1022 invalid signature | L KEYS_REFUSED
-1023 start after end
-1099 not found, or not authorised | L KEYS_REFUSED
-1100 illegal characters in a parameter
-1101 too many parameters
-1102 mandatory parameter missing
-1103 unknown parameter
-1104 not all parameters were read
-1105 empty parameter
-1106 parameter not required
-1108 invalid asset | R UNKNOWN_MARKET
-1109 invalid account | L KEYS_REFUSED
-1110 invalid type of symbol
-1111 too many digits
-1112 no orders in the book
-1113 a withdrawal must be negative
-1114 time in force not required
-1115 invalid time in force
-1116 invalid order type
-1117 invalid side
-1118 empty new client id
-1119 empty original client id
-1120 invalid interval
-1121 invalid symbol | R UNKNOWN_MARKET
-1122 invalid status of the symbol | R MARKET_CLOSED
-1125 no such listen key
-1126 asset not supported | R UNKNOWN_MARKET
-1127 interval too long
-1128 bad combination of optional parameters
-1130 invalid parameter
-1136 invalid type of answer
-2010 new order rejected
-2011 cancellation rejected, unknown order | R ORDER_NOT_FOUND
-2012 batch of cancellations failed
-2013 no such order | R ORDER_NOT_FOUND
-2014 format of the key invalid | L KEYS_REFUSED
-2015 invalid key, address or permission | L KEYS_REFUSED
-2016 no trading window
-2017 the keys of the account are locked | F AUTHENTICATION_FAILED
-2018 balance not sufficient | R INSUFFICIENT_FUNDS
-2019 margin not sufficient | R INSUFFICIENT_FUNDS
-2020 unable to fill
-2021 would trigger at once | R WOULD_TRIGGER
-2022 reduce-only order rejected
-2023 user in liquidation
-2024 position not sufficient | R INSUFFICIENT_FUNDS
-2025 too many open orders
-2026 order type cannot be reduce-only
-2027 beyond the largest position at this leverage | R POSITION_LIMIT
-2028 leverage too small for the margin balance | R INSUFFICIENT_FUNDS
-4000 invalid order status
-4001 price below zero
-4002 price above the most
-4003 quantity below zero
-4004 quantity below the least | R QUANTITY_TOO_SMALL
-4005 quantity above the most | R QUANTITY_TOO_LARGE
-4006 trigger below zero
-4007 trigger above the most
-4008 tick size below zero
-4009 most price below least price
-4010 most quantity below least quantity
-4011 step below zero
-4012 most orders below zero
-4013 price below the least
-4014 price off the tick
-4015 client id invalid or too long
-4016 price above the cap of the mark price | R OUTSIDE_PRICE_BAND
-4017 multiplier below zero
-4018 multiplier below zero
-4019 composite scale too large
-4020 invalid target strategy
-4021 invalid depth
-4022 invalid market status
-4023 quantity off the step
-4024 price below the floor of the mark price | R OUTSIDE_PRICE_BAND
-4025 decimals of the multiplier below zero
-4026 invalid commission
-4027 invalid account type
-4028 invalid leverage
-4029 invalid precision of ticks
-4030 invalid precision of steps
-4031 invalid working type
-4032 too many orders to cancel
-4033 no insurance account
-4044 invalid type of balance
-4045 too many stop orders
-4046 margin type unchanged
-4047 margin type: open orders exist
-4048 margin type: a position exists
-4049 margin can be added to isolated positions only
-4050 cross balance insufficient | R INSUFFICIENT_FUNDS
-4051 isolated balance insufficient | R INSUFFICIENT_FUNDS
-4052 auto-add margin unchanged
-4053 auto-add margin for isolated positions only
-4054 no position to add margin to
-4055 amount not positive
-4056 invalid type of API key
-4057 invalid public key
-4058 price and decimals too large
-4059 position side unchanged
-4060 invalid position side
-4061 position side does not match the setting | R POSITION_MODE_MISMATCH
-4062 improper reduce-only value
-4063 options: type of request
-4064 options: time frame
-4065 options: amount
-4066 options: type of event
-4067 position mode: open orders exist
-4068 position mode: a position exists
-4069 options: premium fee
-4070 options: client id
-4071 options: direction
-4072 options: premium not updated
-4073 options: premium below zero
-4074 options: amount out of bounds
-4075 options: premium output zero
-4076 options: premium too different
-4077 options: limit reached
-4078 options: internal error
-4079 options: invalid id
-4080 options: no such user
-4081 options: not found
-4082 invalid number of orders in a batch
-4083 batch failed
-4084 method is coming
-4085 invalid notional coefficient
-4086 invalid spread threshold
-4087 the user may place reduce-only orders only | R VENUE_REDUCE_ONLY
-4088 the user may place no orders now | R VENUE_FORBIDS_ORDERS
-4104 invalid contract type
-4109 inactive account | F ACCOUNT_INACTIVE
-4114 transfer id invalid
-4115 transfer id duplicated
-4116 client id duplicated | A DUPLICATE_CLIENT_ID
-4117 the stop order is triggering
-4118 reduce-only order fails its margin check
-4120 order type belongs to the algo endpoints
-4131 best price of the other side outside of PERCENT_PRICE | R OUTSIDE_PRICE_BAND
-4135 invalid activation price
-4137 quantity with closePosition
-4138 reduce-only must be true with closePosition
-4139 order type cannot be market
-4140 status of the symbol allows no opening | R MARKET_CLOSED
-4141 the symbol is closed | R MARKET_CLOSED
-4142 take-profit or stop would trigger at once | R WOULD_TRIGGER
-4144 invalid pair | R UNKNOWN_MARKET
-4161 isolated leverage cannot be lowered with a position
-4164 notional too small | R NOTIONAL_TOO_SMALL
-4165 invalid time interval
-4167 multi-assets mode: isolated symbols exist
-4168 isolated margin: not in multi-assets mode
-4169 multi-assets mode: margin balance too small
-4170 multi-assets mode: open orders exist
-4171 multi-assets mode unchanged
-4172 multi-assets mode: negative balance
-4183 limit price above the cap of the trigger | R OUTSIDE_PRICE_BAND
-4184 limit price below the floor of the trigger | R OUTSIDE_PRICE_BAND
-4192 cooling-off period | R VENUE_FORBIDS_ORDERS
-4202 leverage over 20 needs verification | R VENUE_RESTRICTS_PERSON
-4203 leverage over 20 a month after registration | R VENUE_RESTRICTS_PERSON
-4205 leverage over 20 some days after registration | R VENUE_RESTRICTS_PERSON
-4206 leverage limited in the country | R VENUE_RESTRICTS_PERSON
-4208 leverage over 20 with adjusted position limits
-4209 leverage above the symbol's most
-4210 trigger above the cap | R OUTSIDE_PRICE_BAND
-4211 trigger below the floor | R OUTSIDE_PRICE_BAND
-4400 trading rules broken, only reduce-only orders | R VENUE_REDUCE_ONLY
-4401 large position, only reduce-only orders | R VENUE_REDUCE_ONLY
-4402 not available in the region | R VENUE_RESTRICTS_PERSON
-4403 leverage limited in the region | R VENUE_RESTRICTS_PERSON
-5021 fill-or-kill not filled at once | R ENTRY_NOT_FILLED
-5022 post-only order would take | R ENTRY_NOT_FILLED
-5024 symbol not trading, no amendment
-5025 limit orders only
-5026 too many amendments
-5027 nothing to amend
-5028 outside of the receive window at the matching engine | L VENUE_TOO_SLOW
-5029 notional too small after an amendment | R NOTIONAL_TOO_SMALL
-5037 invalid price match
-5038 order type without price match
-5039 invalid self-trade prevention
-5040 good-till date out of bounds
-5041 no depth for the price match
-5043 an amendment is pending
"""


@dataclass(frozen=True)
class DocumentedCode:
    """A code of the venue and the instruction that a send must become."""

    code: int
    meaning: str
    kind: str
    ours: str


def _read(line: str) -> DocumentedCode:
    said, _, told = line.partition(" | ")
    code, _, meaning = said.partition(" ")
    kind, _, ours = (told or "R VENUE_REJECTED").partition(" ")
    return DocumentedCode(int(code), meaning, kind, ours)


CODES = tuple(_read(line) for line in LINES.strip().splitlines())
