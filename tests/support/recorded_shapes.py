"""Facts of recorded answers of Binance USD-M: the names of the fields and the form of their values, as others have them.

ccxt keeps answers of real accounts to try its parsing. nautilus_trader keeps such answers, and examples of the venue's documents.
Names and forms are typed in here as facts, and no file of theirs is in this repository. A value that no test names is an example.
"""

from __future__ import annotations

from typing import Any

MOMENT = 1_625_474_304_765


def fields(text: str, **others: Any) -> dict[str, Any]:
    """An answer from `name=value` words, whose values are text; others are as JSON has them."""
    return dict(word.split("=", 1) for word in text.split()) | others


ORDER_FLAGS = {"reduceOnly": False, "closePosition": False, "priceProtect": False}
NEW_ORDER = fields(  # ccxt, a batch of February 2025
    "symbol=BTCUSDT status=NEW clientOrderId=mine price=110001.00 avgPrice=0.00 origQty=0.200 executedQty=0.000 cumQty=0.000"
    " cumQuote=0.00000 timeInForce=GTC type=LIMIT side=SELL positionSide=BOTH stopPrice=0.00 workingType=CONTRACT_PRICE"
    " origType=LIMIT priceMatch=NONE selfTradePreventionMode=NONE",
    orderId=4_087_922_044,
    goodTillDate=0,
    updateTime=1_739_781_831_932,
    **ORDER_FLAGS,
)
ORDER = fields(  # nautilus_trader
    "symbol=BTCUSDT status=NEW clientOrderId=mine price=50000.00 avgPrice=0.00 origQty=0.001 executedQty=0.000 cumQuote=0.00"
    " timeInForce=GTC type=LIMIT side=BUY positionSide=BOTH stopPrice=0.00 workingType=CONTRACT_PRICE origType=LIMIT"
    " priceMatch=NONE selfTradePreventionMode=NONE",
    orderId=12_345_678,
    goodTillDate=0,
    time=MOMENT,
    updateTime=MOMENT,
    **ORDER_FLAGS,
)
ALGO_ORDER = fields(  # nautilus_trader, after its trigger
    "clientAlgoId=mine algoType=CONDITIONAL orderType=STOP_MARKET symbol=BTCUSDT side=BUY positionSide=BOTH timeInForce=GTC"
    " quantity=0.001 algoStatus=FINISHED actualOrderId=987654321 actualPrice=50000.00 actualType=MARKET actualQty=0.001"
    " triggerPrice=45000.00 price=0 workingType=MARK_PRICE priceMatch=NONE",
    algoId=123_456_789,
    createTime=MOMENT,
    updateTime=MOMENT,
    triggerTime=MOMENT + 1,
    goodTillDate=0,
    **ORDER_FLAGS,
)
POSITION = fields(  # ccxt, v3, a long of July 2024; margins and the price of breaking even are examples
    "symbol=BTCUSDT positionSide=BOTH positionAmt=0.009 entryPrice=67445.9 breakEvenPrice=67472.8 markPrice=67502.68519858"
    " unRealizedProfit=0.51106678 liquidationPrice=0 isolatedMargin=0 notional=607.52416678 marginAsset=USDT isolatedWallet=0"
    " initialMargin=30.37 maintMargin=2.43 positionInitialMargin=30.37 openOrderInitialMargin=0 bidNotional=0 askNotional=0",
    adl=2,
    updateTime=1_722_161_166_529,
)
OLDER_POSITION = fields(  # nautilus_trader, v2 in hedge mode
    "symbol=BTCUSDT positionAmt=-0.002 entryPrice=52000.0 markPrice=51000.0 unRealizedProfit=2.00000000 liquidationPrice=57000.0"
    " leverage=20 maxNotionalValue=250000 marginType=cross isolatedMargin=0.00000000 isAutoAddMargin=false positionSide=SHORT"
    " notional=-102.0 isolatedWallet=0 breakEvenPrice=51900.0",
    updateTime=MOMENT,
)
TRADE = fields(  # nautilus_trader, of a real account in February 2022
    "symbol=ETHUSDT side=BUY price=2779 qty=0.005 realizedPnl=-0.00325000 marginAsset=USDT quoteQty=13.89500 "
    "commission=0.00555800 commissionAsset=USDT positionSide=BOTH",
    id=82_357_629,
    orderId=831_238_690,
    time=1_645_930_333_910,
    buyer=True,
    maker=False,
)
ASSET = fields(
    "asset=USDT walletBalance=23.72469206 unrealizedProfit=0.00000000 marginBalance=23.72469206 maintMargin=0.00000000"
    " initialMargin=0.00000000 positionInitialMargin=0.00000000 openOrderInitialMargin=0.00000000 crossWalletBalance=23.72469206"
    " crossUnPnl=0.00000000 availableBalance=23.72469206 maxWithdrawAmount=23.72469206",
    marginAvailable=True,
    updateTime=MOMENT,
)
OLDER_ACCOUNT = fields(  # nautilus_trader, v2
    "totalInitialMargin=0.00000000 totalMaintMargin=0.00000000 totalWalletBalance=23.72469206 totalUnrealizedProfit=0.00000000"
    " totalMarginBalance=23.72469206 totalPositionInitialMargin=0.00000000 totalOpenOrderInitialMargin=0.00000000"
    " totalCrossWalletBalance=23.72469206 totalCrossUnPnl=0.00000000 availableBalance=23.72469206 maxWithdrawAmount=23.72469206",
    feeTier=0,
    canTrade=True,
    canDeposit=True,
    canWithdraw=True,
    updateTime=0,
    multiAssetsMargin=False,
    tradeGroupId=-1,
    assets=[ASSET],
    positions=[],
)
BALANCE = fields(
    "accountAlias=SgsR asset=USDT balance=122.12345678 crossWalletBalance=122.12345678 crossUnPnl=0.00000000"
    " availableBalance=122.12345678 maxWithdrawAmount=122.12345678",
    marginAvailable=True,
    updateTime=1_617_939_110_373,
)
MARK = fields(
    "symbol=BTCUSDT markPrice=11793.63104562 indexPrice=11781.80495970 estimatedSettlePrice=11781.16138815"
    " lastFundingRate=0.00038246 interestRate=0.00010000",
    nextFundingTime=1_597_392_000_000,
    time=1_597_370_495_002,
)
SYMBOL_CONFIG = fields("symbol=BTCUSDT marginType=ISOLATED maxNotionalValue=2000000", isAutoAddMargin=True, leverage=25)
COMMISSION = fields("symbol=BTCUSDT makerCommissionRate=0.0002 takerCommissionRate=0.0005")
FUNDING = fields("symbol=BTCUSDT fundingRate=-0.03750000", fundingTime=1_570_608_000_000)
DAY_TICKER = fields(
    "symbol=BTCUSDT priceChange=-94.99999800 priceChangePercent=-95.960 weightedAvgPrice=0.29628482 lastPrice=4.00000200"
    " lastQty=200.00000000 openPrice=99.00000000 highPrice=100.00000000 lowPrice=0.10000000 volume=8913.30000000"
    " quoteVolume=15.30000000",
    openTime=1_499_783_499_040,
    closeTime=1_499_869_899_040,
    firstId=28_385,
    lastId=28_460,
    count=76,
)
