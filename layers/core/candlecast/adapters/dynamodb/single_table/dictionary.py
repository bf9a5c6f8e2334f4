"""The dictionary of the compression of accounts: parts that their JSON repeats, so an item holds only its own values.

Part of the format of every stored account: the dictionary never changes, and takes nothing from the types that it imitates. A
name that is missing here, or is used no more, costs some bytes and breaks nothing. A better dictionary would be a constant of its
own; each compressed text names the one that it needs by its checksum (RFC 1950, DICTID).
"""

from __future__ import annotations

# zlib reads it from the end: the most frequent text stands last (zlib manual, deflateSetDictionary).
_PARTS = (
    # rare parts of an account
    'REJECTED","denial":{"reason":"VENUE_REJECTED"},"venue_message":"POSITION_CLOSED"REPLACED"EXPIRED"UNKNOWN","lookups":1,'
    '"last_lookup_at":"20"attempts":1,"retry_at":"20"TRAILING_STOP","callback_percent":"PENDING"DISABLED","disabled_reason":"'
    '"organisation_id":"limits_to_close":{"best_price":"stop_rules":{"trail_percent":"stop_moved_at":"20"emergency":true,"pool_id":"'
    '"external_orders":[{"client_order_id":"cc"seen_at":"20"drifts":{"difference":"mends":{"naked_since":{"HEDGE","mode_at_venue":"'
    '"LIMIT","price":"time_in_force":"GTX","post_only":true,"behind":"SHORT"BUY"SELL"adds":1,"ISOLATED"user.limits.breached',
    # the first write of an order
    '[{"event":{"type":"trade.created","occurred_at":"20","receipt":"{\\"account_id\\":\\"\2\\",\\"account_version\\":1,\\"action\\":\\"'
    'SHORT\\"EXIT_SHORT\\"CLOSE_ALL\\"EXIT_LONG\\",\\"capital\\":\\"10000\\",\\"LONG\\",\\"authority\\":\\"LIVE\\",\\"capital\\":\\"1000'
    '\\",\\"decided_at\\":\\"20+00:00\\",\\"legs\\":[{\\"leg\\":\\"EXIT\\",\\"quantity\\":\\"0.0\\",\\"state\\":\\"DENIED\\"}],'
    '\\"limits\\":{},\\"market\\":\\"{\\"leg\\":\\"ENTRY\\",\\"quantity\\":\\"0.\\",\\"state\\":\\"SUBMITTING\\"},{\\"leg\\":'
    '\\"STOP_LOSS\\",\\"quantity\\":\\"0.\\",\\"state\\":\\"SUBMITTING\\",\\"trigger_price\\":\\"\\"},{\\"leg\\":\\"TAKE_PROFIT_1\\",'
    '\\"quantity\\":\\"0.\\",\\"state\\":\\"SUBMITTING\\",\\"trigger_price\\":\\"\\"}],\\"limits\\":{\\"max_daily_loss_percent\\":'
    '{\\"bound\\":\\"500\\",\\"margin\\":\\"500\\",\\"origin\\":\\"SUBSCRIPTION\\",\\"passed\\":true,\\"value\\":\\"0\\"},'
    '\\"max_order_notional\\":{\\"bound\\":\\"\\",\\"margin\\":\\"\\",\\"origin\\":\\"ACCOUNT\\",\\"passed\\":true,\\"value\\":\\"1000\\"},'
    '\\"max_open_notional\\":{\\"bound\\":\\"\\",\\"margin\\":\\"\\",\\"origin\\":\\"PLATFORM\\",\\"passed\\":true,\\"value\\":\\"\\"},'
    '\\"max_leverage\\":{\\"bound\\":\\"10\\",\\"margin\\":\\"9.9\\",\\"origin\\":\\"SUBSCRIPTION\\",\\"passed\\":true,\\"value\\":\\"0.1\\"},'
    '\\"max_positions\\":{\\"bound\\":\\"1\\",\\"margin\\":\\"0\\",\\"origin\\":\\"SUBSCRIPTION\\",\\"passed\\":true,\\"value\\":\\"1\\"},'
    '\\"max_signal_age_seconds\\":{\\"bound\\":\\"120\\",\\"margin\\":\\"119.9\\",\\"origin\\":\\"SUBSCRIPTION\\",\\"passed\\":true,'
    '\\"value\\":\\"0.0\\"}},\\"market\\":\\"BTC/USDT:USDT\\",\\"price\\":\\"\\",\\"schema_version\\":1,\\"signal_id\\":\\"\\",\\"sizing'
    '\\":{\\"mode\\":\\"PERCENT_OF_CAPITAL\\"RISK_PERCENT\\"FIXED_NOTIONAL\\",\\"value\\":\\"1000\\"},\\"strategy_id\\":\\"\\",'
    '\\"subscription_id\\":\\"\\",\\"traded\\":true}"},"intent":"',
    # the second write of an exit
    '[{"event":{"type":"position.changed","occurred_at":"20","position":{"tenant_id":"\1","account_id":"\2","subscription_id":"",'
    '"strategy_id":"","market":"BTC/USDT:USDT","side":"LONG","quantity":"0.000","opened_quantity":"0.0","entry_price":"00000","entry_intent_id":"",'
    '"signal_id":"","correlation_id":"","opened_at":"20","signal_issued_at":"20","fees":"0.00","exit_notional":"0000000","fees":"'
    '000000000","initial_stop":""}}},{"event":{"type":"trade.closed","occurred_at":"20","trade":{"trade_id":"","tenant_id":"\1","account_id":"\2","subscription_id":"","strategy_id":"","market":"BTC/USDT:USDT","side":"LONG","quantity":"0.0","entry_price":"00000",'
    '"exit_price":"00000","pnl":"-0000000","fees":"000000000","opened_at":"20","closed_at":"20","closed_by":"STOP_LOSS"}}},'
    '"closed_by":"EXIT"}}},{"event":{"type":"trade.failed","occurred_at":"20","order":{"state":"CANCELLED","denial":{"reason":"'
    'REPLACED"},"settled_at":"20"}}},{"event":{"type":"trade.failed","occurred_at":"20","order":{"intent_id":"","leg":"STOP_LOSS",'
    '"venue_order_id":"","denial":{"reason":"POSITION_CLOSED"},"settled_at":"20"}}}]',
    # the account and an open order's second write
    '{"tenant_id":"\1","account_id":"\2","venue":"paper","venue":"binanceusdm","label":"main","status":"ACTIVE","created_at":"2026-'
    '","credential_version":"","subscriptions":{"":"PAUSED"},"subscriptions":{"":"ACTIVE"},"intents":{"":{"intent_id":"","leg":"EXIT",'
    '"kind":"EXIT","tenant_id":"leg":"ENTRY","kind":"ENTRY","tenant_id":"\1","account_id":"\2","subscription_id":"","strategy_id":"",'
    '"signal_id":"","correlation_id":"","market":"ETH/USDT:USDT","position_side":"SHORT","state":"SUBMITTING","issued_at":"20'
    '","created_at":"20","quantity":"0.","stop_price":"","reference_price":"","expires_at":"20","market_settings":{"leverage":"10",'
    '"margin_mode":"CROSS"},"submitted_at":"20"},"":{"intent_id":"","leg":"STOP_LOSS","kind":"STOP_LOSS","tenant_id":"\1","account_id":"\2"'
    ',"state":"OPEN","issued_at":"20","created_at":"20","order_type":"STOP_MARKET","quantity":"0.","trigger_price":"","bracket_of":"'
    '","submitted_at":"20","venue_order_id":""},"":{"intent_id":"","leg":"TAKE_PROFIT_1","kind":"TAKE_PROFIT","tenant_id":"\1","account_id":"\2","subscription_id":"","strategy_id":"","signal_id":"","correlation_id":"","market":"BTC/USDT:USDT",'
    '"position_side":"LONG","state":"OPEN","issued_at":"20","created_at":"20","order_type":"TAKE_PROFIT_MARKET","quantity":"0.",'
    '"trigger_price":"","bracket_of":"","submitted_at":"20","venue_order_id":""}},"positions":{"|BTC/USDT:USDT":{"tenant_id":"\1","account_id":"\2","subscription_id":"","strategy_id":"","market":"BTC/USDT:USDT","side":"LONG","quantity":"0.","opened_quantity":"0.'
    '","entry_price":"00000","entry_intent_id":"","signal_id":"","correlation_id":"","opened_at":"20","signal_issued_at":"20",'
    '"stop_price":"","fees":"0.000000","initial_stop":""}},"settled":{"":"20:00Z"},"newest_signals":{"|BTC/USDT:USDT":"20'
    '"},"market_settings":{"BTC/USDT:USDT":{"leverage":"10","margin_mode":"CROSS"}},"balance":{"equity":"10000","available":"10000",'
    '"as_of":"20"},"reconciled_at":"20","usage":{"results":{"":{"day":"20","day_pnl":"-0000","week_pnl":"-0000","month_pnl":"-0000",'
    '"entries":1,"losses":1,"lost_at":"20"}},"markets":{"|BTC/USDT:USDT":{"entered_at":"20","entered_side":"LONG","closed_at":"20'
    '","lost_at":"20","profit":"-00000","profit_since":"20"}},"equity":{"start":"","high":"","end_of_day_high":"","day":"20'
    '","day_start":"","last":""},"day":{"day":"20","orders":1,"notional":"1000.00"},"orders":[[17,1],[17,2]],"cancels":[[17,2]]}}\n'
    '[{"event":{"type":"position.changed","occurred_at":"20"},"position":"|BTC/USDT:USDT"},{"event":{"type":"trade.filled",'
    '"occurred_at":"20","order":{"intent_id":"","leg":"ENTRY","kind":"ENTRY","tenant_id":"\1","account_id":"\2","subscription_id":"",'
    '"state":"FILLED","issued_at":"20","created_at":"20","quantity":"0.","reference_price":"","expires_at":"20","market_settings":'
    '{"leverage":"10","margin_mode":"CROSS"},"submitted_at":"20","venue_order_id":"","filled_quantity":"0.","average_price":"00000",'
    '"fee":"0.0000000","settled_at":"20"}}},{"event":{"type":"trade.executed","occurred_at":"20"},"intent":""}]',
)
DICTIONARY = "".join(_PARTS).encode()
