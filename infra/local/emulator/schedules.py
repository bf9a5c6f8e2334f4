"""EventBridge Scheduler: on time, with the context attributes, and with a clock that an operator can set."""

import re
import time
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .patching import replace

TICK_SECONDS = 1.0  # the emulator looks every 10 s: half of the minute that a firing has until its candle closes
ATTRIBUTE = re.compile(r"<aws\.scheduler\.([a-z-]+)>")
ONCE = re.compile(r"^\s*at\((.+)\)\s*$")

_next: dict[Any, tuple[Any, float | None]] = {}


def schedules() -> None:
    """Look every second, know time zones, substitute <aws.scheduler.*>, refuse expressions that AWS refuses.

    The scheduled time in a firing is the time that the schedule says, however late it is, as on AWS. A candle is named
    by it.
    """
    from ministack.services import scheduler

    replace(scheduler, "_SCHEDULE_TICK_INTERVAL", TICK_SECONDS)
    replace(scheduler, "_tick_schedules", tick)
    for name in ("_create_schedule", "_update_schedule"):
        _validate_first(scheduler, name)


def _validate_first(scheduler: Any, action: str) -> None:
    def checked(name: Any, body: Any) -> Any:
        expression, zone = body.get("ScheduleExpression", ""), body.get("ScheduleExpressionTimezone") or "UTC"
        if _valid(expression, zone):
            return original(name, body)
        message = f"Invalid Schedule Expression {expression} or time zone {zone}."
        return scheduler._error(400, "ValidationException", message)

    original = replace(scheduler, action, checked)


def _valid(expression: str, zone: str) -> bool:
    from ministack.services import eventbridge

    try:
        ZoneInfo(zone)
        if ONCE.match(expression):
            return bool(re.fullmatch(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)", expression))
        return bool(eventbridge._parse_rate_seconds(expression) or eventbridge._parse_cron_fields(expression))
    except (ValueError, KeyError, ZoneInfoNotFoundError):
        return False


def next_firing(schedule: Any, after: float) -> float | None:
    """Time (seconds since 1970) of the schedule's first occurrence after `after`, or None."""
    from ministack.services import eventbridge, scheduler

    expression = schedule["ScheduleExpression"]
    zone = ZoneInfo(schedule.get("ScheduleExpressionTimezone") or "UTC")
    if once := ONCE.match(expression):
        at = datetime.fromisoformat(once.group(1).strip()).replace(tzinfo=zone).timestamp()
        return at if at > after or schedule.get("_fired") is None else None
    if rate := eventbridge._parse_rate_seconds(expression):
        start = scheduler._to_epoch(schedule.get("StartDate")) or scheduler._to_epoch(schedule.get("CreationDate")) or after
        return float(start + (int(max(0, after - start) // rate) + 1) * rate)
    local = datetime.fromtimestamp(after, zone).replace(tzinfo=UTC)  # the emulator walks the fields of a UTC time
    found = eventbridge._cron_next_fire(eventbridge._parse_cron_fields(expression), local)
    return found.replace(tzinfo=zone).timestamp() if found else None


def tick() -> None:
    """Fire every enabled schedule that is due."""
    from ministack.services import scheduler

    now = time.time()
    for key, schedule in list(scheduler._schedules._data.items()):
        _consider(key, schedule, now)
    for key in [key for key in _next if key not in scheduler._schedules._data]:
        del _next[key]


def _consider(key: Any, schedule: Any, now: float) -> None:
    from ministack.services import scheduler

    signature = tuple(str(schedule.get(name)) for name in ("ScheduleExpression", "ScheduleExpressionTimezone", "CreationDate"))
    if key not in _next or _next[key][0] != signature:
        _next[key] = (signature, next_firing(schedule, now - TICK_SECONDS))
    due = _next[key][1]
    if schedule.get("State") != "ENABLED" or due is None or due > now:
        return
    start, end = scheduler._to_epoch(schedule.get("StartDate")), scheduler._to_epoch(schedule.get("EndDate"))
    schedule["_fired"] = now
    _next[key] = (signature, next_firing(schedule, now))
    if (start is None or due >= start) and (end is None or due <= end):
        try:
            _fire(key, schedule, due)
        except Exception:
            scheduler.logger.exception("schedule %s", key)
    if _next[key][1] is None and schedule.get("ActionAfterCompletion") == "DELETE":
        scheduler._schedules._data.pop(key, None)


def fire(name: str, scheduled: datetime) -> int:
    """Fire the schedules called `name` (in any group) as if it were `scheduled`, even disabled ones; how many fired.

    Operators and tests use this for a late, an early or a repeated firing.
    """
    from ministack.services import scheduler

    found = [(key, item) for key, item in list(scheduler._schedules._data.items()) if key[2].split("/")[-1] == name]
    for key, schedule in found:
        _fire(key, schedule, scheduled.timestamp())
    return len(found)


def _fire(key: Any, schedule: Any, when: float) -> None:
    from ministack.services import eventbridge, lambda_svc, scheduler

    account, region, _name = key
    scheduler.set_request_account_id(account)
    scheduler.set_request_region(region)
    identity = scheduler.new_uuid()
    attributes = {
        "schedule-arn": schedule["Arn"],
        "scheduled-time": datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "execution-id": identity,
        "attempt-number": "1",
    }
    target = dict(schedule.get("Target") or {})
    text = target.get("Input") or ("{}" if ":lambda:" in target["Arn"] else "")
    target["Input"] = ATTRIBUTE.sub(lambda match: attributes.get(match.group(1), match.group(0)), text)
    if ":lambda:" in target["Arn"] and not lambda_svc._get_func_record_for_ref(target["Arn"])[0]:
        dead_letters = (target.get("DeadLetterConfig") or {}).get("Arn")
        if dead_letters:
            eventbridge._dispatch_to_sqs(eventbridge.parse_arn(dead_letters), target["Input"], {})
        return
    event = {
        "EventId": identity,
        "Source": "aws.scheduler",
        "DetailType": "Scheduled Event",
        "Detail": "{}",
        "Time": when,
        "Resources": [schedule["Arn"]],
        "Account": account,
        "Region": region,
    }
    eventbridge._invoke_target(target, event, schedule)
