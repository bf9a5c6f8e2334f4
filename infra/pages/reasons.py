"""The meaning and the remedy of each reason: `python -m infra.pages.reasons` writes `docs/reasons.md`.

It stands outside of the product, which ships with none of this prose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from candlecast.domain.values.reasons import Reason

DOCUMENT = Path(__file__).parents[2] / "docs" / "reasons.md"

HEADER = """\
# Why an order was not placed

An order leg that was decided and not placed, or that ended without a fill, carries one of these codes. The code is
`reason.code` of `GET /v1/orders` and of the events on the bus, and a key of `skipped` in a signal's progress. Codes are
stable. Where a rule compares, `reason.value` is what was found, `reason.bound` what it may be, `reason.margin` the
distance; money is in the market's quote currency. A limit that cannot be evaluated (no quote, no balance, no stop)
refuses with its own code and no value. A quarantined signal carries such a code too, and no order of it exists.
`GET /v1/orders/{order_id}/why` tells the code of your order with its numbers in one sentence ([why](guides/api.md#why)).

The `state` of such a leg is `SKIPPED` (nothing to decide), `DENIED` (a rule of ours said no) or `EXPIRED` (too late). The
venue ends others: `REJECTED` (refused), `CANCELLED` (ended without a fill).

Exits pass no limit: they are only capped to the position. The limits that the codes name are in the
[API reference](api-reference.md#all-limits).

This page is generated from the code: `python -m infra.pages.reasons`.
"""

_EQUITY = "Fails closed while the account's balance is not known."
_QUOTE = "Fails closed without a quote of the last minute."

PAGES: Mapping[str, Mapping[Reason, tuple[str, str]]] = {
    "Skipped: there was nothing to decide": {
        Reason.NO_ACCOUNT: ("The subscription names no account.", "Make a new subscription with one."),
        Reason.NO_CREDENTIALS: (
            "The account has no exchange keys. Nobody's order ever runs on another's key.",
            "Give it some: `PUT /v1/accounts/{account_id}/credentials`.",
        ),
        Reason.SUBSCRIPTION_PAUSED: (
            (
                "An entry came while the subscription was paused, or rested at the venue when it was. Exits still close "
                "what it holds."
            ),
            "Resume the subscription.",
        ),
        Reason.SUBSCRIPTION_CANCELLED: (
            "An entry came after the subscription was cancelled, or rested at the venue when it was.",
            "None is needed; subscribe again to go on.",
        ),
        Reason.VENUE_MISMATCH: (
            (
                "The account is on another venue than its strategy, in a subscription from before that was checked. Exits "
                "still close what it holds."
            ),
            "Cancel the subscription and make a new one with an account on the strategy's venue.",
        ),
        Reason.NOTHING_HELD: (
            "An exit came and the subscription holds nothing that it could close. If an entry rested, the exit has cancelled "
            "the entry unfilled; the entry's own order says SIGNAL_SUPERSEDED.",
            "None is needed.",
        ),
        Reason.POSITION_IS_NEWER: (
            "An exit was issued before the position was opened, or before the entry that rests: the exit meant an earlier "
            "position.",
            "None is needed.",
        ),
    },
    "Quarantined: the signal reached nobody": {
        Reason.STOP_IMPLAUSIBLE: (
            "The stop is further from the venue's mark than 50 %. Value: per cent of the mark.",
            "Correct the strategy or the message: a digit may be missing.",
        ),
        Reason.TARGET_IMPLAUSIBLE: (
            "A target is more than three times the venue's mark, or less than a third of it. Value: the factor.",
            "Correct the strategy or the message: a digit may be missing.",
        ),
        Reason.ATR_IMPLAUSIBLE: (
            "The average true range is below 0.001 % of the venue's mark, or above 50 %. Value: per cent of the mark.",
            "Correct the strategy.",
        ),
    },
    "Denied: a rule of ours said no": {
        Reason.ACCOUNT_DISABLED: (
            "The account is disabled, by its owner or because the venue refused its keys; `disabled_reason` of the "
            "account says which. "
            "Entries and exits are not placed.",
            "Look after open positions at the venue. Enable the account or give it new keys.",
        ),
        Reason.KEYS_REFUSED: (
            "The venue has just refused the account's keys. It does so for revoked keys, for an address that the keys do not "
            "allow, and for a banned one, so nobody is disabled yet. Entries are suspended until a second look, a minute later. "
            "That look either finds the keys accepted or disables the account (`AUTHENTICATION_FAILED`).",
            "Look at the venue whether the keys still exist, may trade, and allow our addresses.",
        ),
        Reason.KEYS_NOT_VETTED: (
            "The keys are new. The venue has not yet told what they may do, or no look has worked with them so far. Entries are "
            "suspended until then; looks, stops, targets and exits go on with the new keys.",
            "Wait some seconds. If it lasts, look whether the venue answers, and put the keys again.",
        ),
        Reason.TABLE_RESTORED: (
            "The platform's table was restored to an earlier moment. The orders since then must be found at the venue "
            "first. Entries are suspended until a look has accounted for everything. Signals from before that look open "
            "nothing, because they may have been executed. Looks, stops, targets and exits go on. An order that has expired for "
            "this reason was not found at the venue afterwards.",
            "Wait some minutes. If it lasts, an operator reads the runbook of a restore.",
        ),
        Reason.KEY_MAY_WITHDRAW: (
            "The venue says that the account's keys may withdraw. Such a key is worth stealing, and no order needs the right. "
            "Entries are suspended; looks, stops, targets and exits go on.",
            "Take the right away at the venue. The next daily vetting lets entries go; putting the keys again does so at once.",
        ),
        Reason.KEY_MAY_TRANSFER: (
            "The venue says that the account's keys may transfer to other accounts or wallets (Binance: `enableInternalTransfer` "
            "or `permitsUniversalTransfer`). Entries are suspended; looks, stops, targets and exits go on.",
            "Take the right away at the venue. The next daily vetting lets entries go; putting the keys again does so at once.",
        ),
        Reason.KEY_CANNOT_TRADE: (
            "The venue says that the account's keys may not trade futures, or may not read (Binance: `enableFutures`, "
            "`enableReading`). Keys from before the futures account was opened cannot, nor can those of portfolio margin. "
            "Entries are suspended; exits are tried all the same.",
            "Give the right at the venue, or make new keys. Putting the keys has them vetted at once.",
        ),
        Reason.VENUE_REDUCE_ONLY: (
            "The venue takes orders of this account only if they reduce a position. Its user may place no others, or has "
            "broken a trading rule of the venue. Entries are suspended for a while; stops, targets and exits go on. "
            "`suspensions` of the account says until when.",
            "Look at the venue why it restricts the account. Entries are taken again after a while.",
        ),
        Reason.VENUE_FORBIDS_ORDERS: (
            "The venue takes no orders of this account now, for example during a cooling-off period. Entries are suspended "
            "for a while; stops and exits are sent again and again until the venue takes them.",
            "Look at the venue for the end of the period, and after open positions there.",
        ),
        Reason.VENUE_RESTRICTS_PERSON: (
            "The venue does not offer this to the account's holder. The identity is not verified as the venue demands, or "
            "the law of the region forbids the market or the leverage. Entries are suspended for a while; stops, targets and "
            "exits go on.",
            "Verify the identity at the venue, lower `leverage`, or leave out the market.",
        ),
        Reason.UNKNOWN_MARKET: (
            "The account's venue has no such market in the catalogue.",
            "Use an account of the venue that the strategy is for.",
        ),
        Reason.MARKET_DELISTED: (
            (
                "The venue has delisted the market, has announced that it will, or has stopped trading it. Entries are refused "
                "from the announcement on, and entries that rest are cancelled. Exits and stops go. Orders in a market that the "
                "venue does not know any more end with this reason."
            ),
            "None is needed: close the position before the venue settles it.",
        ),
        Reason.MARKET_NOT_ALLOWED: (
            "The market is not in the `allowed_markets` of the subscription or of a level above it.",
            "Add it there, if it is wanted.",
        ),
        Reason.SIDE_NOT_ALLOWED: ("The side is not among the `allowed_sides`.", "Allow it, if it is wanted."),
        Reason.REFERENCE_PRICE_MISSING: (
            "The order's message has neither a price nor the venue's mark, so nothing can be computed.",
            "None is needed: messages of this release have both.",
        ),
        Reason.STOP_MISSING: (
            (
                "Sizing by risk (RISK_PERCENT, which is the default, RISK_AMOUNT and KELLY) needs the distance to a "
                "stop, and the entry has none."
            ),
            (
                "Send a stop with the signal, set `trailing_stop_percent`, or choose a `sizing` that needs no stop, such "
                "as FIXED_NOTIONAL. `stop_atr_multiplier` helps only for built-in strategies, whose signals carry the "
                "range."
            ),
        ),
        Reason.STOP_ON_WRONG_SIDE: (
            (
                "The stop is not on the losing side of a price at which the position may open. That is the entry's own price; "
                "for an entry at market, both the signal's price and the venue's mark. Value: the stop. Bound: that price. "
                "A signal with such a stop is quarantined; a stop by the subscriber's own ATR multiple is found when the order "
                "is decided. Either way nothing of the signal is executed, and a live stop stays."
            ),
            "Correct the strategy or the message.",
        ),
        Reason.TARGET_ON_WRONG_SIDE: (
            (
                "A take-profit is not on the winning side of a price at which the position may open, as for "
                "`STOP_ON_WRONG_SIDE`. Value: the target. Bound: that price."
            ),
            "Correct the strategy or the message.",
        ),
        Reason.TRIGGER_ON_WRONG_SIDE: (
            (
                "The market has passed the trigger of a stop entry already, so the entry would be at market. The signal is "
                "quarantined. Value: the trigger. Bound: the venue's mark."
            ),
            "Correct the strategy or the message; send an entry at market if that is meant.",
        ),
        Reason.QUOTE_MISSING: (
            (
                "The venue gave no quote of the market. The signal is quarantined after some attempts within a minute. An order "
                "message without a quote, of an older release, is denied."
            ),
            "Look at the venue's market data; release the signal once its quotes are back.",
        ),
        Reason.POSITION_ALREADY_OPEN: (
            (
                "The subscription already holds a position in this market, and no level sets `max_adds`: then an entry "
                "never adds to it."
            ),
            "Wait for its exit, or set `max_adds` where entries should add.",
        ),
        Reason.ENTRY_RESTS: (
            "An earlier entry of the same position is still in the venue's book, and a position has one entry at a time.",
            "Wait until that entry has filled or ended, or send an exit, which cancels the entry.",
        ),
        Reason.OUTCOME_UNKNOWN: (
            "An earlier order of the same position was still undecided after 45 s, or when the entry would have been too "
            "old. Its answer was lost, or the venue takes no orders now.",
            "Look whether the venue answers. The reconciler goes on with the earlier order by itself.",
        ),
        Reason.DEAD_LETTERED: (
            "The order's message could not be processed and was dead-lettered. The account knows nothing of the order.",
            "Ask operations for the dead letter by the order's correlation id. A redrive decides the order anew; an entry "
            "that is too old by then expires.",
        ),
        Reason.MARKET_IN_USE: (
            (
                "Another subscription of the account holds this market or is about to, or the venue holds a position "
                "there that is not ours (`POSITION_DRIFT`). The venue would net the two, and the exit of one could close "
                "the other's. In hedge mode this holds for each side of the market."
            ),
            "Use an account for each strategy of a market.",
        ),
        Reason.OPPOSITE_POSITION_HELD: (
            (
                "The signal turns a position round, and the exit of the old position was refused or its outcome is "
                "unknown. The entry would only add to the old position or net with it."
            ),
            "None is needed; the exit is followed up.",
        ),
        Reason.MAX_POSITIONS: (
            "The subscription would hold more positions than `max_positions`. Value: how many it would hold.",
            "Raise it, or wait for an exit.",
        ),
        Reason.MAX_DAILY_LOSS: (
            "The subscription's realised loss of this UTC day, after fees, has reached `max_daily_loss_percent` of its capital.",
            "Entries are taken again the next day.",
        ),
        Reason.MAX_LEVERAGE: (
            "All the subscription's positions and this entry would exceed its capital times `leverage` or `max_leverage`. "
            "Value and "
            "bound: multiples of the capital.",
            "Lower the size, or raise capital or leverage.",
        ),
        Reason.MAX_ORDER_NOTIONAL: (
            "The entry, at its reference price, is larger than `max_order_notional`.",
            "Lower the size or raise the limit.",
        ),
        Reason.QUANTITY_TOO_SMALL: (
            "Rounded down to the venue's step, the quantity is below the venue's least. Base units. "
            "An exit of a part is skipped so.",
            "Raise the capital or the sizing value. Close a larger part, or all.",
        ),
        Reason.QUANTITY_TOO_LARGE: (
            (
                "The venue bounds an order at market. A larger entry is sent in parts, as is all that closes its position. "
                "The position would need more than five parts, or an entry that rests is above the venue's most. Base units."
            ),
            "Lower the capital or the sizing value.",
        ),
        Reason.NOTIONAL_TOO_SMALL: (
            "Quantity times reference price, after rounding, is below the venue's least.",
            "Raise the capital or the sizing value.",
        ),
        Reason.TOO_MANY_OPEN_ORDERS: (
            (
                "With this entry and the most stops and targets that it may have, the account would have more open "
                "orders than it can remember. Value: how many. Bound: the most."
            ),
            "Entries are taken again once some orders have ended.",
        ),
        Reason.SIZING_INPUT_MISSING: (
            (
                "The sizing mode needs a value that is not known. A share of equity needs the account's balance, a "
                "volatility target the signal's average true range, Kelly's fraction a win rate and a payoff."
            ),
            "Give the setting, or choose another mode.",
        ),
        Reason.NO_EDGE: (
            "Kelly's fraction is zero or less for the win rate and payoff given: a bet with these odds loses. Value: the "
            "fraction.",
            "Do not trade this, or correct the two numbers.",
        ),
        Reason.ORDER_TYPE_NOT_SUPPORTED: (
            "The venue does not take orders of the kind that the signal or the settings ask for.",
            "Choose a kind that the venue has.",
        ),
        Reason.KILL_SWITCH: (
            (
                "A kill switch of the platform, the organisation, the strategy or the user stopped the entry before it "
                "left, or cancelled the resting entry. Under HALT_ALL exits wait and are not denied. Stops and targets "
                "of open positions are sent under every grade."
            ),
            "Ask the person who set the switch; your own is `USER/me`. A switch never clears by itself.",
        ),
        Reason.DEPLOYMENT_PAUSE: (
            "A new release was being deployed when the entry was about to leave. Exits, stops and targets are sent meanwhile.",
            (
                "None is needed: the next signal enters once the deployment has ended. A failed deployment leaves entries "
                "paused until operations let them go."
            ),
        ),
        Reason.VENUE_BREAKER_OPEN: (
            (
                "The venue did not answer anybody, or refused the keys of many users at once. The entry would have been too "
                "old at the next attempt. Exits are attempted all the same."
            ),
            "None is needed.",
        ),
    },
    "Denied: access": {
        Reason.REDUCE_ONLY: ("`reduce_only` is set: exits are placed, entries are not.", "Clear it at the level that sets it."),
        Reason.VENUE_NOT_ALLOWED: ("The account's venue is not among the `allowed_venues`.", "Use another account, or allow it."),
        Reason.MARKET_DENIED: ("The market is among the `denied_markets` of some level.", "Ask that level."),
        Reason.OUTSIDE_TRADING_WINDOW: (
            "The entry came while none of the `trading_windows` was open. Times are UTC.",
            "Wait for one to open, or widen them.",
        ),
        Reason.BLACKOUT: ("The entry came during one of the `blackouts`: news or a scheduled halt.", "Wait for its end."),
        Reason.STATE_STALE: (
            "The account was last compared with its venue longer ago than `max_state_age_seconds`, or never; a look was "
            "asked for and "
            "did not come in time. Value: the age in seconds.",
            "Look whether the venue answers and the keys are valid.",
        ),
        Reason.LIMITS_LOCKED: (
            "A change of limits or settings would loosen one before `limits_locked_until`. The code refuses the change, never "
            "an order.",
            "Wait until then, or ask two operators to lift the lock. Tightening is always possible.",
        ),
        Reason.LIMITS_UNAVAILABLE: (
            (
                "The limits above the account could not be read for over an hour. Or the organisation's pool could not "
                "be asked while the entry was fresh. A limit that is not known refuses."
            ),
            "Operations must restore the store of limits.",
        ),
        Reason.EMERGENCY_LIMIT: (
            (
                "The limits above the account could not be read, so the emergency limits count: 2,000 of notional an "
                "order and 10,000 a day. Value: the notional of the order, or of the day with the order."
            ),
            "Wait until the limits can be read again.",
        ),
    },
    "Denied: the order itself": {
        Reason.MIN_CONFIDENCE: ("The signal's confidence is below `min_confidence`, or it states none.", "None is needed."),
        Reason.STOP_REQUIRED: (
            "`stop_required` is set and the entry has no stop.",
            "Send one, or set `trailing_stop_percent`; for built-in strategies `stop_atr_multiplier`.",
        ),
        Reason.MAX_STOP_DISTANCE: (
            "The stop is further from the reference price than `max_stop_distance_percent`, or there is none.",
            "Tighten the stop.",
        ),
        Reason.MIN_STOP_DISTANCE: (
            "The stop is nearer to the reference price than `min_stop_distance_percent`: noise would trigger it.",
            "Widen the stop.",
        ),
        Reason.MIN_REWARD_TO_RISK: (
            (
                "The way to the targets, weighted by their shares, is less than `min_reward_to_risk` times the way to "
                "the stop. Or one of the two is missing."
            ),
            "Correct targets or stop.",
        ),
        Reason.MAX_RISK_PER_TRADE: (
            "The loss at the stop is over `max_risk_per_trade_percent` of the capital, or there is no stop.",
            "Lower the size or tighten the stop.",
        ),
        Reason.MAX_ORDER_QUANTITY: ("The quantity is above `max_order_quantity`. Base units.", "Lower the size."),
        Reason.MIN_ORDER_NOTIONAL: (
            "The entry is smaller than `min_order_notional`; fees would eat it.",
            "Raise the size or lower the limit.",
        ),
        Reason.APPROVAL_REQUIRED: (
            "The entry is larger than `approval_above_notional`. Nobody can approve single orders yet, so it is not placed.",
            "Lower the size.",
        ),
        Reason.QUOTE_TOO_OLD: (
            "The quote that the limits compare with is older than `max_quote_age_seconds`, or there is none.",
            "None is needed if it is rare; else look at the venue's market data.",
        ),
        Reason.PRICE_COLLAR: (
            (
                "The signal's price is further from the venue's mark than 5 %, or than a tighter `max_price_deviation_percent`. "
                "Beyond 5 % the signal is quarantined and reaches nobody. For an entry with a price of its own the bound is 10 %."
            ),
            "Look where the signal has its price from.",
        ),
        Reason.RESTING_DISTANCE: (
            (
                "The entry's own price or trigger is further from the venue's mark than 10 %, or than a tighter "
                "`max_resting_distance_percent`. Beyond 10 % the signal is quarantined and reaches nobody."
            ),
            "Send the entry once the market is nearer.",
        ),
        Reason.MAX_SLIPPAGE: (
            f"The best price on the book is worse than the signal's by more than `max_slippage_bps`. {_QUOTE}",
            "None is needed: the market has moved on.",
        ),
        Reason.MAX_SPREAD: (
            f"Bid and ask are further apart than `max_spread_bps`. {_QUOTE}",
            "None is needed: the market is too thin just now.",
        ),
        Reason.MAX_FUNDING_RATE: (
            f"The position would pay more funding in 8 hours than `max_funding_rate_percent`. {_QUOTE}",
            "Wait for the rate to fall.",
        ),
        Reason.MIN_LIQUIDATION_DISTANCE: (
            "With the leverage in use, the estimated liquidation price is nearer than `min_liquidation_distance_percent`.",
            "Lower the leverage.",
        ),
    },
    "Denied: positions and exposure": {
        Reason.MAX_ADDS: ("The position has been added to `max_adds` times already.", "Wait for its exit."),
        Reason.MAX_ACCOUNT_POSITIONS: (
            "The account would hold more positions than `max_account_positions`. Value: how many.",
            "Wait for an exit.",
        ),
        Reason.MAX_OPEN_ORDERS: (
            "With this entry, its stop and its targets, the account would have more open orders than `max_open_orders`.",
            "Wait until some have closed.",
        ),
        Reason.SELF_MATCH: (
            "`self_match_prevention` is set and an order of the same account rests on the other side of this market.",
            "Cancel that order first.",
        ),
        Reason.MAX_POSITION_NOTIONAL: (
            "The account's position in this market would exceed `max_position_notional`.",
            "Lower the size.",
        ),
        Reason.MAX_GROSS_EXPOSURE: (
            "Longs and shorts of the account, added up, would exceed `max_gross_exposure`.",
            "Lower the size or wait for an exit.",
        ),
        Reason.MAX_NET_EXPOSURE: (
            "Longs less shorts of the account would exceed `max_net_exposure` in either direction.",
            "Lower the size or wait for an exit.",
        ),
        Reason.MAX_ACCOUNT_LEVERAGE: (
            f"The account's gross exposure would exceed `max_account_leverage` times its equity. {_EQUITY}",
            "Lower the size or wait for an exit.",
        ),
        Reason.MAX_CONCENTRATION: (
            f"The position in this market would exceed `max_concentration_percent` of the equity. {_EQUITY}",
            "Lower the size.",
        ),
        Reason.MAX_CORRELATED_EXPOSURE: (
            "The exposure of a group of `correlated_markets` would exceed `max_correlated_exposure_percent` of the equity. "
            + _EQUITY,
            "Lower the size or wait for an exit in the group.",
        ),
        Reason.MAX_STRATEGY_ALLOCATION: (
            f"The strategy's positions would exceed `max_strategy_allocation_percent` of the equity. {_EQUITY}",
            "Lower the size.",
        ),
        Reason.MAX_PORTFOLIO_HEAT: (
            "If every stop of the account were hit, `max_portfolio_heat_percent` of the equity would be lost. A position "
            "without a "
            f"stop cannot be evaluated. {_EQUITY}",
            "Lower the size, tighten stops, or give each position one.",
        ),
        Reason.MAX_MARGIN_USAGE: (
            f"The margin of all positions and this entry would exceed `max_margin_usage_percent` of the equity. {_EQUITY}",
            "Lower the size or raise the leverage.",
        ),
        Reason.POOL_EXHAUSTED: (
            "The organisation's members share a limit, and its rest does not cover this entry.",
            "Wait until somebody closes, or ask the organisation.",
        ),
    },
    "Denied: losses": {
        Reason.MAX_DAILY_LOSS_AMOUNT: (
            "The subscription's realised loss of this UTC day has reached `max_daily_loss`.",
            "Entries are taken again the next day.",
        ),
        Reason.MAX_WEEKLY_LOSS: (
            "The subscription's realised loss of this week has reached `max_weekly_loss_percent` of its capital.",
            "Entries are taken again on Monday, UTC.",
        ),
        Reason.MAX_MONTHLY_LOSS: (
            "The subscription's realised loss of this month has reached `max_monthly_loss_percent` of its capital.",
            "Entries are taken again on the first, UTC.",
        ),
        Reason.MAX_ACCOUNT_DAILY_LOSS: (
            f"The account's equity has fallen by `max_account_daily_loss_percent` since the UTC day began. {_EQUITY}",
            "Entries are taken again the next day.",
        ),
        Reason.MAX_DRAWDOWN: (
            (
                "The account's equity is `max_drawdown_percent` below what it was first seen with. Fails closed while "
                "the account's balance is not known."
            ),
            "Entries are taken again once the equity is back above the bound, or once somebody raises the limit.",
        ),
        Reason.TRAILING_DRAWDOWN: (
            (
                "The account's equity is `max_trailing_drawdown_percent` below the highest that was ever seen. Fails "
                "closed while the account's balance is not known."
            ),
            "Entries are taken again once the equity is back above the bound, or once somebody raises the limit.",
        ),
        Reason.END_OF_DAY_DRAWDOWN: (
            (
                "The account's equity is `max_end_of_day_drawdown_percent` below the highest at the end of a UTC day. "
                "Fails closed while the account's balance is not known."
            ),
            "Entries are taken again once the equity is back above the bound, or once somebody raises the limit.",
        ),
        Reason.EQUITY_FLOOR: (f"The account's equity is below `min_equity`. {_EQUITY}", "Add funds, or lower the floor."),
        Reason.DAILY_PROFIT_LOCK: (
            "The subscription has made `daily_profit_lock_percent` of its capital today, and keeps it.",
            "Entries are taken again the next day.",
        ),
        Reason.CONSECUTIVE_LOSSES: (
            "The subscription has lost `max_consecutive_losses` times in a row and pauses for "
            "`consecutive_loss_pause_hours` (24 if "
            "that is not set). Value: how many losses.",
            "Wait for the end of the pause; one more loss begins another.",
        ),
        Reason.MARKET_BANNED: (
            (
                "The subscription has made less than `min_market_profit_percent` of its capital in this market within a "
                "day. It leaves the market alone for `low_profit_ban_hours` (24 if that is not set). Value: the profit "
                "in per cent of the capital."
            ),
            "Wait for the end of the ban.",
        ),
        Reason.COOL_DOWN: (
            "The last position in this market was closed less than `cooldown_after_trade_seconds` ago.",
            "Wait for the rest of it.",
        ),
        Reason.COOL_DOWN_AFTER_LOSS: (
            "The last position in this market was lost less than `cooldown_after_loss_seconds` ago.",
            "Wait for the rest of it.",
        ),
    },
    "Denied: rates": {
        Reason.MARKET_QUARANTINED: (
            "The venue rejected an entry of this account in this market less than `quarantine_after_reject_minutes` ago.",
            "Find out why it was rejected, and wait.",
        ),
        Reason.DUPLICATE_ENTRY: (
            "The same subscription entered the same side of the same market less than `duplicate_window_seconds` ago.",
            "None is needed if the signal was a repeat.",
        ),
        Reason.MAX_ORDERS_PER_SECOND: (
            "With this entry, its stop and its targets, the account would have sent more than `max_orders_per_second` "
            "within a second.",
            "None is needed if it is rare.",
        ),
        Reason.MAX_ORDERS_PER_MINUTE: (
            "With this entry, its stop and its targets, the account would have sent more than `max_orders_per_minute` "
            "within a minute.",
            "None is needed if it is rare.",
        ),
        Reason.MAX_ORDERS_PER_DAY: (
            "With this entry, its stop and its targets, the account would have sent more than `max_orders_per_day` this UTC day.",
            "Entries are taken again the next day.",
        ),
        Reason.MAX_TRADES_PER_DAY: (
            "The subscription has entered `max_trades_per_day` times this UTC day.",
            "Entries are taken again the next day.",
        ),
        Reason.MAX_DAILY_NOTIONAL: (
            "All entries of the account of this UTC day would exceed `max_daily_notional`. Orders under way count in full.",
            "Entries are taken again the next day.",
        ),
        Reason.MAX_CANCELS_PER_MINUTE: (
            "The account has had `max_cancels_per_minute` orders cancelled or moved within a minute; an entry would cause more.",
            "None is needed if it is rare.",
        ),
    },
    "Expired: it came too late": {
        Reason.SIGNAL_TOO_OLD: (
            "The entry was older than `max_signal_age_seconds` when its turn came. Exits never expire. Value: its age in "
            "seconds.",
            "None is needed if it is rare.",
        ),
        Reason.SIGNAL_SUPERSEDED: (
            (
                "A newer signal for the same position was decided first, so the older entry is not taken behind it. Or "
                "the entry rested and an exit of its position came. Or the venue refused an exit, and a newer order of the "
                "position took its place."
            ),
            "None is needed.",
        ),
        Reason.NEVER_PLACED: (
            "The venue's answer was lost; the venue has since been asked, more than once, and does not know the order. It "
            "was too late "
            "to send it again.",
            "None is needed.",
        ),
        Reason.ENTRY_NOT_FILLED: (
            (
                "The entry rested in the venue's book and was not filled before it expired, so it was cancelled. Or its terms "
                "ended it (IOC, FOK, post-only)."
            ),
            "None is needed: the price was not reached.",
        ),
    },
    "Rejected: the venue said no": {
        Reason.INSUFFICIENT_FUNDS: ("The venue has too little margin for the order.", "Add funds or lower the size."),
        Reason.POSITION_LIMIT: (
            "The position would be larger than the venue allows at this leverage. An entry is denied before it is sent if the "
            "venue told the largest position in the last two days. Exits, stops and targets are never denied so.",
            "Lower the size or the leverage.",
        ),
        Reason.OUTSIDE_PRICE_BAND: (
            "The price or the trigger is too far from the mark price for the venue (filter PERCENT_PRICE). For an order at "
            "market, the best price of the other side is. Exits, stops and targets are sent again. An entry whose limit price is "
            "beyond the band is denied before it is sent. The band is that of the quote's mark, or of a stop-limit's trigger.",
            "None is needed for a market that moves fast; correct the price of an entry that rests.",
        ),
        Reason.MARKET_CLOSED: (
            "The market is not open at the venue: about to be delisted or settled, or closed. Entries end; exits, stops and "
            "targets are sent again until the venue has settled the position.",
            "Use another market.",
        ),
        Reason.WOULD_TRIGGER: (
            "The market was beyond the trigger of a stop or target already. A stop that is refused so again closes its position "
            "at market; a target closes its share at once. The exit bears this name.",
            "None is needed. If it happens often, the stops are too close to the market.",
        ),
        Reason.VENUE_REJECTED: (
            "The venue refused the order for a reason of its own.",
            (
                "Compare the order with the venue's rules. The event `trade.failed` on the bus carries the venue's "
                "message, for operators."
            ),
        ),
        Reason.AUTHENTICATION_FAILED: (
            (
                "The venue has locked the account's keys, or takes no orders of the account until it is funded. "
                "The account is disabled. Keys that are only refused are `KEYS_REFUSED` first. If a second look is refused too, "
                "this is `disabled_reason`."
            ),
            "Look at the venue, and give the account new keys.",
        ),
    },
    "Ended without a fill": {
        Reason.POSITION_CLOSED: (
            "A stop or target was cancelled because its position is closed, or an entry that should add to the position was.",
            "None is needed.",
        ),
        Reason.REPLACED: (
            "A stop was cancelled because a newer one, of the size or price that the position now needs, has taken its place.",
            "None is needed.",
        ),
        Reason.CANCELLED_AT_VENUE: (
            (
                "The venue, or somebody with access to the account, cancelled the order. Or a market order neither "
                "filled nor ended within a minute, so we cancelled it."
            ),
            "None is needed if it was you.",
        ),
        Reason.CANCELLED_BY_OWNER: (
            "You have cancelled the entry. A part that it had filled until then is held, with its stop.",
            "None is needed. To close what was filled, close the position.",
        ),
    },
    "Closed without a signal": {
        Reason.LIQUIDATED: ("The venue has liquidated the position: its margin was used up.", "Lower the leverage, set a stop."),
        Reason.DELEVERAGED: (
            "The venue has closed the position to cover another trader's liquidation (auto-deleveraging).",
            "None is needed; enter again if that is wanted.",
        ),
        Reason.SETTLED: (
            "The venue has ended the market and settled the position at its settlement price.",
            "None is needed. Follow another market.",
        ),
        Reason.CLOSED_OUTSIDE: ("Somebody with access to the account has closed the position by hand.", "None if it was you."),
        Reason.HOLDING_TIME_OVER: (
            "The position was held for `max_holding_hours`, so it was closed at market.",
            "None is needed; the limit worked.",
        ),
        Reason.UNREALISED_LOSS: (
            "The position has lost `max_unrealised_loss_percent` of its cost, so it was closed at market.",
            "None is needed; the limit worked.",
        ),
        Reason.FLATTENED: (
            "A kill switch of the grade FLATTEN has closed the position at market.",
            "Ask the person who set the switch.",
        ),
    },
}


def page() -> str:
    """The whole document, in the order of the enumeration."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield HEADER
    for title, reasons in PAGES.items():
        yield f"## {title}\n"
        for reason, (meaning, remedy) in reasons.items():
            yield f"### {reason}\n{meaning}\n\n*Remedy.* {remedy}\n"


def main() -> None:
    """Write the page."""
    DOCUMENT.write_text(page())


if __name__ == "__main__":
    main()
