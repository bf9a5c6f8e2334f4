"""CloudWatch alarms that evaluate their dimensions, their periods and their expression."""

import ast
import operator
import threading
import time
from collections.abc import Callable
from typing import Any

from .patching import replace

EVALUATE_SECONDS = 5.0
DATA_KEPT_SECONDS = 3 * 3600  # no alarm here looks further back; keeps long runs small
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
LAMBDA_QUOTA = 1000.0  # executions at once in a region, as in most accounts
WITHOUT_DATA = {"breaching": "ALARM", "notBreaching": "OK"}


def alarms() -> None:
    """Evaluate every few seconds; the emulator ignores dimensions and refuses metric math."""
    from ministack.services import cloudwatch, lambda_svc
    from ministack.services.cloudformation import provisioners

    def record(name: Any, properties: Any) -> Any:
        if not properties.get("Metrics"):
            return original(name, properties)
        plain = {key: value for key, value in properties.items() if key != "Metrics"}
        alarm = original(name, {**plain, "MetricName": "-", "Namespace": "-"})
        alarm["Metrics"] = properties["Metrics"]
        return alarm

    def loop() -> None:
        while True:
            time.sleep(EVALUATE_SECONDS)
            _forget(cloudwatch, time.time() - DATA_KEPT_SECONDS)
            for key, alarm in list(cloudwatch._alarms._data.items()):
                lambda_svc._request_account_id.set(key[0])
                lambda_svc._request_region.set(key[1])
                try:
                    evaluate(alarm)
                except Exception:
                    cloudwatch.logger.exception("alarm %s", alarm.get("AlarmName"))

    original = replace(provisioners, "_cw_metric_alarm_record", record)
    replace(cloudwatch, "_evaluate_alarm", evaluate)
    threading.Thread(target=loop, daemon=True, name="candlecast-alarms").start()


def _forget(cloudwatch: Any, before: float) -> None:
    for points in list(cloudwatch._metrics._data.values()):
        if points and points[0]["Timestamp"] < before:
            points[:] = [point for point in points if point["Timestamp"] >= before]


def evaluate(alarm: Any) -> None:
    """Set the alarm's state from the last periods, and tell its actions when it changes."""
    from ministack.services import cloudwatch

    compare = COMPARISONS.get(alarm.get("ComparisonOperator"))
    if compare is None:
        return
    values = [_value(alarm, period) for period in range(int(alarm.get("EvaluationPeriods") or 1))]
    threshold, missing = float(alarm.get("Threshold") or 0), alarm.get("TreatMissingData") or "missing"
    old = alarm["StateValue"]
    if all(value is None for value in values):
        new = old if missing == "ignore" else WITHOUT_DATA.get(missing, "INSUFFICIENT_DATA")
    else:
        breaching = sum(missing == "breaching" if value is None else compare(value, threshold) for value in values)
        new = "ALARM" if breaching >= int(alarm.get("DatapointsToAlarm") or len(values)) else "OK"
    if new == old:
        return
    reason = f"Threshold Crossed: {values} {alarm['ComparisonOperator']} {threshold}"
    alarm.update(StateValue=new, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
    cloudwatch._record_history(alarm["AlarmName"], old, new, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old, new, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def _value(alarm: Any, periods_ago: int) -> float | None:
    metrics = {metric["Id"]: metric for metric in alarm.get("Metrics") or []}
    now = time.time()
    if not metrics:
        period = int(alarm.get("Period") or 60)
        statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
        end = now - periods_ago * period
        return _statistic(alarm["Namespace"], alarm["MetricName"], alarm.get("Dimensions"), statistic, end - period, end)
    known: dict[str, float | None] = {}
    period = max([int(metric["MetricStat"]["Period"]) for metric in metrics.values() if metric.get("MetricStat")] or [60])
    end = now - periods_ago * period
    for name, metric in metrics.items():
        if source := metric.get("MetricStat"):
            what = source["Metric"]
            found = _statistic(what["Namespace"], what["MetricName"], what.get("Dimensions"), source["Stat"], end - period, end)
            known[name] = found
    if all(value is None for value in known.values()):
        return None
    returned = next(metric for metric in metrics.values() if str(metric.get("ReturnData", True)).lower() != "false")
    if returned.get("MetricStat"):
        return known[returned["Id"]]
    return _calculate(ast.parse(returned["Expression"], mode="eval").body, known)


def _statistic(namespace: str, name: str, dimensions: Any, statistic: str, start: float, end: float) -> float | None:
    from ministack.services import cloudwatch

    key = cloudwatch._dims_key({item["Name"]: item["Value"] for item in dimensions or []})
    points = [point for point in cloudwatch._metrics.get((namespace, name, key)) or [] if start <= point["Timestamp"] < end]
    return cloudwatch._stat_value(cloudwatch._calc_stats(points), statistic, points) if points else None


def _calculate(node: ast.expr, known: dict[str, float | None]) -> float | None:
    """Arithmetic of metric math over metrics, missing metrics counting as 0; None for a division by zero.

    `FILL` of a metric with a number is known, and `SERVICE_QUOTA`, which is asked for executions at once alone.
    """
    match node:
        case ast.Constant(value=int() | float()):
            return float(node.value)  # type: ignore[arg-type]
        case ast.Name(id=name):
            return known.get(name) or 0.0
        case ast.Call(func=ast.Name(id="FILL"), args=[ast.Name(id=name), ast.Constant(value=int() | float() as otherwise)]):
            found = known.get(name)
            return float(otherwise) if found is None else found
        case ast.Call(func=ast.Name(id="SERVICE_QUOTA")):
            return LAMBDA_QUOTA
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _calculate(operand, known)
            return None if inner is None else -inner
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in ARITHMETIC:
            first, second = _calculate(left, known), _calculate(right, known)
            if first is None or second is None or (isinstance(operation, ast.Div) and second == 0):
                return None
            return float(ARITHMETIC[type(operation)](first, second))
        case _:
            return None  # IF, SUM over arrays: such an alarm stays without data here
