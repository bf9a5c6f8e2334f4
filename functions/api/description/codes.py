"""Meaning and remedy of each code of the API's refusals: the pages of codes and `docs/api-reference.md` show them.

The status of a code follows from the class of its error (`STATUS_OF_ERROR` in `functions/api/problems.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

REFUSALS: Mapping[int, Mapping[str, tuple[str, str]]] = {
    401: {
        "UNAUTHENTICATED": (
            "The request has no valid token, or its tenant claim is missing or unusable. Without a token the gateway itself "
            'answers, with the body `{"message": "Unauthorized"}`.',
            "Send a token of the stack's issuer.",
        ),
    },
    403: {
        "FOLLOWERS_ONLY": (
            "The runs and signals of a strategy are for those who follow the strategy, and for operators.",
            "Subscribe to the strategy. The listing and the record are for everybody.",
        ),
        "FORBIDDEN": ("The token lacks the role that the detail names.", "Ask a platform administrator."),
    },
    404: {
        "NOT_FOUND": (
            "The thing or the path does not exist, or the thing belongs to somebody else. The body is the same in all cases.",
            "Check the id.",
        ),
    },
    405: {
        "METHOD_NOT_ALLOWED": ("The path exists, the method does not.", "See the methods of the path in the API's description.")
    },
    409: {
        "ACCOUNT_DISABLED": (
            "The account sends nothing, exits included.",
            "Enable the account, or close the position at the venue.",
        ),
        "ANSWER_NOT_KEPT": (
            "The request with this `Idempotency-Key` was done. Its answer showed a secret, which is shown once and kept nowhere.",
            "If the answer was lost, send the request with a new key: it makes another secret or ticket.",
        ),
        "REQUEST_IN_PROGRESS": (
            "The first request with this `Idempotency-Key` is under way.",
            "Send the same request again after `Retry-After` seconds: it gets the answer of the first.",
        ),
        "ACCOUNT_IN_USE": ("A subscription trades on the account.", "Cancel the subscriptions of the account first."),
        "ACCOUNT_RETIRED": ("The account was retired for good.", "Open another account."),
        "ACCOUNT_NOT_FLAT": (
            "The position mode changes, and an account is retired, only while it holds nothing and no order of it is open.",
            "Close positions and wait until their orders have ended. After a restore of the table, wait for a look at it.",
        ),
        "APPROVAL_DECIDED": ("Somebody has approved or rejected the request already.", "Ask again, if it is still wanted."),
        "APPROVAL_DIFFERS": (
            "The digest is not that of this request.",
            "Look at the request, and send its own digest.",
        ),
        "APPROVAL_EXPIRED": ("Nobody has approved the request within its hour.", "Ask again."),
        "APPROVAL_OUTDATED": (
            "The switch or lock has changed since the request was made.",
            "Look at it as it is now, and ask again.",
        ),
        "ALREADY_EXISTS": ("Another strategy has this id; ids of retired ones stay taken.", "Choose another id."),
        "ALREADY_RELEASED": ("All followers of the latest version have it.", "Roll back to end a candidate."),
        "NOTHING_TO_ROLL_BACK": (
            "There is no candidate and no stable version before this one, or the named version is not the one released last.",
            "Look at the strategy's `release`.",
        ),
        "EXIT_UNDER_WAY": (
            "The order is an exit. It goes on until what it closes is closed, and cannot be cancelled.",
            "Wait for it. Disable the account to stop all orders of the account, exits included.",
        ),
        "NO_CREDENTIALS": (
            "The account has no keys that work, so the venue cannot be asked.",
            "Give the account keys, or act at the venue.",
        ),
        "LIMITS_UNAVAILABLE": (
            "The limits cannot be read, and the stop would be looser.",
            "Move it tighter, or ask again.",
        ),
        "MAX_RISK_PER_TRADE": (
            "At the looser stop the position could lose more than the limit on a trade's risk allows.",
            "Choose a price nearer to the market, or close a part of the position first.",
        ),
        "MAX_STOP_DISTANCE": (
            "The looser stop would be farther from the entry price than the limit allows.",
            "Choose a price nearer to the market.",
        ),
        "STOP_ON_WRONG_SIDE": (
            "The market is at the price or beyond it, so the stop would trigger at once.",
            "Close the position, or choose a price on the losing side of the market.",
        ),
        "UNKNOWN_MARKET": (
            "The market is not in the catalogue any more.",
            "Act at the venue.",
        ),
        "NOTHING_HELD": (
            "No position of that account, subscription and market is held.",
            "Look at the list of positions. The position may be closed already.",
        ),
        "ORDER_ENDED": (
            "The order was filled, cancelled or refused, or was never placed.",
            "Look at its `state` and `reason`.",
        ),
        "QUANTITY_TOO_SMALL": (
            "The market takes no order as small as the part to close.",
            "Close a larger part, or all. The detail names the smallest order.",
        ),
        "PROTECTS_POSITION": (
            "The order is a stop or a target, which goes with its position.",
            "Close the position. While nothing is held yet, cancel the entry.",
        ),
        "NO_CODE": (
            "Signals of the strategy come from outside, so it has no versions and no backtests.",
            "Ask for a strategy with code.",
        ),
        "NO_VERSIONS": ("The strategy has no versions yet.", "Add one first."),
        "NOT_OWNED": ("A strategy of the platform is public and has no collaborators.", "Leave these fields out."),
        "NOT_UPLOADED": ("The code of a built-in strategy is a part of the deployment.", "Send parameters alone."),
        "OWNER_ONLY": ("Only its owner chooses a strategy's collaborators.", "Ask the owner."),
        "STRATEGY_RETIRED": ("A retired strategy takes no followers and changes no more.", "Choose another strategy."),
        "TOO_MANY_PINNED_VERSIONS": (
            "Followers have pinned as many versions of the strategy as run on each candle.",
            "Pin one of those, or follow the latest.",
        ),
        "TOO_MANY_STRATEGIES": ("The tenant owns as many strategies as are allowed.", "Add a version to one of them."),
        "BACKTEST_NOT_DONE": ("The backtest waits, runs, or ended without results.", "Look at its `status`."),
        "TOO_MANY_BACKTESTS": (
            "As many backtests of the tenant wait or run as may at once.",
            "Wait for the end of one, or cancel one.",
        ),
        "TOO_MANY_BACKTESTS_TODAY": (
            "The tenant's tasks of the day (UTC) are spent, or too few are left. A backtest is one, a sweep one for each part.",
            "Wait for the next day, or choose fewer combinations.",
        ),
        "SWEEP_NEEDS_PARAMETERS": (
            "The caller may not see the strategy's parameters, so cannot vary them.",
            "Sweep a strategy of your own.",
        ),
        "TOO_MANY_UPLOADS": ("The tenant's uploads of the day (UTC) are spent, refused ones included.", "Wait for the next day."),
        "UPLOAD_IN_PROGRESS": (
            "Another upload of the tenant is being checked.",
            "Wait for its answer, for half a minute at most.",
        ),
        "HELD_BY_OPERATIONS": (
            "A platform administrator has set this kill switch of yours.",
            "Ask operations to clear it.",
        ),
        "LIMITS_LOCKED": (
            "The change would loosen a limit, or a setting of a subscription, before `limits_locked_until` of the same level, "
            "account, subscription or pool.",
            "Wait, or tighten only. Two operators may lift the lock early.",
        ),
        "NOT_LOCKED": ("No lock on these limits is in force.", "Nothing is to be lifted: change the limits."),
        "NO_ACCOUNT": ("The subscription has no account to decide on.", "Make a subscription with an account."),
        "NOT_EXTERNAL": ("A built-in strategy has no webhook and no secret.", "Ask for an external strategy."),
        "ORDER_UNDER_WAY": (
            "The outcome of an entry of the subscription is not known yet, so the subscription may hold a position.",
            'Send the request again in a minute, or send `{"close_position": true}`.',
        ),
        "SIGNAL_OVERTAKEN": (
            "The source has sent a newer message for the signal's market. It may be the exit of the position.",
            "None is needed: the newer message counts.",
        ),
        "NOT_QUARANTINED": (
            "The firewall let the signal pass, so there is nothing to release.",
            "None is needed; the signal's progress says what became of it.",
        ),
        "POSITION_OPEN": (
            "The subscription holds a position.",
            'Send `{"close_position": true}`, or close the position first.',
        ),
        "SELF_APPROVAL": (
            "The request is your own, or was made by the command instead of the API.",
            "Let another platform administrator approve it, by the same door.",
        ),
        "SUBSCRIPTION_CANCELLED": ("A cancelled subscription stays cancelled.", "Make a new subscription."),
        "TOO_MANY_ACCOUNTS": ("The tenant has as many accounts as are allowed.", "Use an account that exists."),
        "TOO_MANY_APPROVALS": ("As many requests as are allowed wait for a second operator.", "Approve or reject some of them."),
        "TOO_MANY_SUBSCRIPTIONS": (
            "The tenant or the account has as many subscriptions as are allowed.",
            "Cancel one of the account, or use another account. Cancelled ones count for the tenant.",
        ),
        "VENUE_MISMATCH": ("The account is on another venue than the strategy.", "Use an account on the strategy's venue."),
        "VERSION_CONFLICT": ("Others wrote the same item at every attempt.", "Send the request again."),
    },
    412: {
        "PRECONDITION_FAILED": (
            "`If-Match` names another state than the thing has now, or the operation compares no version.",
            "Read the thing again, and decide anew with its new `ETag`.",
        ),
    },
    413: {"BODY_TOO_LARGE": ("The body is larger than any legitimate one.", "Send less.")},
    422: {
        "INVALID_REQUEST": (
            "A field or a query parameter is missing, unknown, given twice or of the wrong form, or the body is not JSON in "
            "UTF-8.",
            "See `errors`.",
        ),
        "INVALID_VALUE": ("A value breaks a rule of its kind that the detail names.", "Correct the value."),
        "PRICE_OFF_TICK": (
            "The price is no multiple of the market's tick.",
            "Send a multiple of the tick that the detail names.",
        ),
        "REDUCTION_INVALID": (
            "The part to close is both a share and a quantity, or a share above 1.",
            "Send a share above 0 and at most 1, or a quantity.",
        ),
        "BACKTEST_MARK_PRICE_UNKNOWN": (
            "Stops of the settings follow the mark price, and candles have none.",
            "Ask with stops by the last price (`CONTRACT_PRICE`, no `stop_price_protect`).",
        ),
        "BACKTEST_SPAN_INVALID": (
            "The span holds fewer than two candles. It ends at the newest candle that the caller may see.",
            "Ask for an earlier start.",
        ),
        "BACKTEST_TOO_LONG": (
            "The span holds more candles than one backtest takes.",
            "Ask for a longer timeframe or a shorter span.",
        ),
        "METRIC_UNKNOWN": ("A sweep ranks its combinations by a metric that is none.", "Name one of those in the detail."),
        "SWEEP_INVALID": (
            "A sweep has no parameter, a value twice, or a value that is too long.",
            "Correct `axes`.",
        ),
        "SWEEP_TOO_LARGE": (
            "A sweep has too many combinations, or too many for its number of candles.",
            "Choose fewer values, or a longer timeframe.",
        ),
        "WALK_FORWARD_WINDOWS": (
            "The span has no test behind its first training, or too many tests, or windows of fewer than two candles.",
            "Choose other lengths.",
        ),
        "CASH_INVALID": ("A backtest begins with cash above zero, and at most a trillion.", "Correct `cash`."),
        "COSTS_INVALID": (
            "A fee is a share of the notional up to a tenth, slippage is up to 1,000 basis points.",
            "Correct the value.",
        ),
        "CURSOR_INVALID": (
            "The cursor belongs to another query or tenant, was changed, or its key was replaced.",
            "Begin with the first page.",
        ),
        "WINDOW_EMPTY": ("`until` of a listing is not later than `since`.", "Swap the two."),
        "PARITY_SPAN_INVALID": (
            "Parity is asked for no day, for more than a month, or for days to come.",
            "Send another `since`.",
        ),
        "SEARCH_INVALID": ("A search has more than five words, or too many characters.", "Search for fewer words."),
        "TAGS_INVALID": (
            "A tag is not of small letters, digits and hyphens, is too long or comes twice, or there are too many.",
            "Send at most ten different tags of at most 32 characters.",
        ),
        "ENTRY_ORDER_INVALID": ("The terms of `entry` contradict each other.", "See EntryPreferenceInput."),
        "IDEMPOTENCY_KEY_REUSED": (
            "The key was used for another request: with another body, for another thing, or with other roles.",
            "Use a new key for a new request.",
        ),
        "KEY_EMPTY": ("A key or secret of an exchange is empty.", "Send the key as the venue shows it."),
        "KEY_HAS_BLANKS": (
            "A key or secret of an exchange has a blank or a line break, often at its end after copying. The detail names which.",
            "Paste the key alone. Only a PEM has line breaks.",
        ),
        "KEY_NOT_PRINTABLE": (
            "A key or secret of an exchange has a control character, an invisible one, or one outside of ASCII.",
            "Copy the key from the venue again.",
        ),
        "KEY_PEM_INVALID": (
            "The secret begins as a PEM and is no whole private key that Binance takes: cut, encrypted, public, or of another "
            "algorithm or length.",
            "Send the unencrypted PEM of an Ed25519 key, or of an RSA key of 2048 to 4096 bits, with its line breaks.",
        ),
        "KEY_TOO_LONG": ("A key or secret of an exchange is longer than any venue's.", "Send the key alone."),
        "LIMIT_OUT_OF_BOUNDS": (
            "A limit is outside its bounds.",
            "See the bounds of each limit in the API's description (`LimitsInput`).",
        ),
        "LOCK_TOO_LONG": ("`limits_locked_until` lies too far ahead.", "Send an instant within 90 days."),
        "LOOKBACK_TOO_LONG": ("With these parameters the strategy needs more candles than there may be.", "Lower its periods."),
        "SOURCE_SETTINGS_INVALID": (
            "A bound or an address of a source is not valid.",
            "See the detail, and send-signals.md for the bounds.",
        ),
        "PARAMETER_INVALID": ("A parameter of the strategy has a wrong type or is out of bounds.", "See the detail."),
        "PARAMETER_UNKNOWN": ("The strategy has no such parameter.", "The detail lists those that it has."),
        "SIZING_VALUE_MISSING": ("The sizing mode needs a value.", "Send `sizing.value`."),
        "SIZING_VALUE_TOO_LARGE": ("The percentage is beyond any leverage.", "Lower `sizing.value`."),
        "STRATEGY_INVALID": ("The module of the strategy breaks a rule of strategies.", "Correct the module."),
        "STRATEGY_NAME_INVALID": ("`code` cannot be the name of a module.", "Send the name of a file of `strategies/`."),
        "STRATEGY_UNKNOWN": ("There is no built-in strategy with this `code`.", "Send the name of a file of `strategies/`."),
        "TARGET_SHARES_EXCEED_ONE": ("The shares of the targets add up to more than 1.", "Lower them."),
        "TIMEFRAME_NOT_A_MULTIPLE": (
            "The strategy's higher timeframe is not a whole multiple of the timeframe of its candles.",
            "Choose timeframes that divide each other.",
        ),
        "TEXT_INVALID": (
            "A name, label or reason has a control character, an invisible one, or one that turns the direction of writing.",
            "Send plain text.",
        ),
        "TOO_MANY_ENTRIES": (
            "A limit that is a set has over fifty entries, the windows open over fifty times a week, or all lists together are "
            "too long.",
            "Send fewer; the detail names the list.",
        ),
        "UNREADABLE": (
            "An item of ours could not be read, which is a fault of ours.",
            "Tell operations the time of the request.",
        ),
        "CODE_DAMAGED": ("Stored code is not the one that was kept, which is a fault of ours.", "Tell operations."),
        "CANDLES_MALFORMED": ("The code was refused: it changes the candles that it gets.", "Leave candles as they are."),
        "HISTORY_TOO_SHORT": ("The market has too few closed candles to check the code on.", "Choose an older market."),
        "LEVEL_INVALID": ("A decision has a stop or target on the wrong side, or one that is no price.", "See `row`."),
        "LOOK_AHEAD": (
            "A decision changes once later candles are known. `row` and `candle_close` name it.",
            "Use earlier candles.",
        ),
        "LOOKBACK_TOO_SHORT": ("A decision changes with candles before those that it says it needs.", "Raise `rows_needed`."),
        "SANDBOX_CRASHED": ("The code ended its process.", "Look for endless recursion, and for code that exits."),
        "SANDBOX_FORBIDDEN": ("The code asked the system for something that a computation does not need.", "Compute alone."),
        "SANDBOX_MEMORY": ("The code needs more memory than it has.", "Keep less at once."),
        "SANDBOX_RESULT_INVALID": (
            "The code's answer has another form than a strategy's.",
            "Give values of the documented types.",
        ),
        "SANDBOX_RESULT_TOO_LARGE": ("The code's answer is too large.", "Give less metadata and fewer log lines."),
        "SANDBOX_TIMEOUT": ("The code did not end in its time.", "Look for an endless loop."),
        "SHARE_INVALID": ("A release goes to 1 to 100 percent.", "Send such a number."),
        "SIGNALS_MALFORMED": ("Signals have another form than their candles.", "Give a signal for each candle."),
        "STRATEGY_FAILED": ("The code raised an error. `line` names where.", "Correct the code."),
        "STRATEGY_FILE_INVALID": (
            "The text is too large, no UTF-8, no Python, imports what there is not, or does not define exactly one strategy.",
            "See the detail and `line`.",
        ),
        "STRATEGY_NOT_DETERMINISTIC": ("Two runs on the same candles decide differently.", "Use neither time nor randomness."),
        "STRATEGY_TOO_SLOW": ("A decision takes longer than its share of a candle's time.", "Compute less for each candle."),
        "TIMEFRAME_MISMATCH": ("The candles are of another timeframe than the strategy's.", "Choose its timeframe."),
        "TIMEFRAME_UNKNOWN": ("The code names a timeframe that there is not.", "Use one of those that strategies run on."),
        "TOO_MANY_COLLABORATORS": ("A strategy has at most 20 collaborators.", "Send fewer."),
        "TOO_MANY_VERSIONS": ("The strategy has as many versions as are allowed.", "Upload another strategy."),
        "VERSION_UNKNOWN": ("The strategy has no such version that is released.", "Pin one of its `release`; authors pin any."),
        "MARKET_DELISTED": (
            "The venue has delisted the market, or has announced that it will.",
            "Choose another market.",
        ),
        "UNKNOWN_MARKET": ("The venue's catalogue has no such market.", "Spell the market as `BTC/USDT:USDT`."),
        "UNKNOWN_VENUE": ("This deployment does not trade on that venue.", "The detail lists the venues."),
    },
    429: {
        "TOO_MANY_REQUESTS": (
            "The tenant has sent as many reads, or as many writes, as it may in a minute. Acts that close, cancel, pause or stop "
            "something are never refused so.",
            "Wait for `Retry-After` seconds. Ask with `If-None-Match` less often, or open a live connection.",
        ),
    },
    500: {"INTERNAL_ERROR": ("A fault of ours; it has been recorded.", "Tell operations the time of the request.")},
    503: {
        "CATALOGUE_UNAVAILABLE": (
            "The catalogue of markets cannot be read.",
            "Send the request again after `Retry-After` seconds.",
        ),
        "CODE_UNAVAILABLE": ("The store of code did not answer.", "Send the request again after `Retry-After` seconds."),
        "COPIES_INCOMPLETE": (
            "A kill switch is on, and not every account sees it yet; every account will within a minute.",
            "Send the request again to be sure.",
        ),
        "DEAD_LETTERS_UNAVAILABLE": (
            "The function for dead letters did not answer.",
            "Send the request again; see the log of the function.",
        ),
        "OUTCOME_UNKNOWN": (
            "For `POST /v1/limits/validate` only: an earlier order of the position has not ended, so nothing can be decided.",
            "Send the request again after `Retry-After` seconds.",
        ),
        "QUEUE_UNAVAILABLE": ("The order queue did not take the exits of a cancellation.", "Send the request again."),
        "SCHEMA_UNKNOWN": (
            "An item was written by a newer version of the software than the one that answers.",
            "Send the request again once the deployment has ended.",
        ),
        "STATE_STALE": (
            "For `POST /v1/limits/validate` only: the account must be looked at before an entry can be decided.",
            "Send the request again after `Retry-After` seconds.",
        ),
        "STORE_UNAVAILABLE": ("The table did not answer.", "Send the request again after `Retry-After` seconds."),
        "TOO_MANY_RECENT_ORDERS": (
            "For `POST /v1/limits/validate` only: the account remembers as many settled orders as it can.",
            "Send the request again after `Retry-After` seconds.",
        ),
        "VALIDATOR_UNAVAILABLE": (
            "The code could not be checked: the venue or the sandbox did not answer in time.",
            "Send the request again after `Retry-After` seconds.",
        ),
        "VAULT_UNAVAILABLE": ("Secrets Manager did not answer.", "Send the request again."),
    },
}
