"""Each alarm rings on the embedded cloud just above its bound, is quiet just below, and reaches the topic with its runbook.

Two stacks are made of the alarms' own templates, without functions: one for values below the bounds, one for values above.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from datetime import timedelta
from typing import Any

import pytest

from infra.local.cloud import Cloud
from tests.support.alarm_values import ALARM_VALUES, ONLY
from tests.support.listening import Listener
from tests.support.stage import utc_now
from tests.support.transformed import INFRA
from tests.support.waiting import until

QUIET, LOUD = "quiet", "loud"
SILENT = {name for name, values in ALARM_VALUES.items() if values.rings_in_silence}
LOUD_TOO = {name for name in SILENT if ALARM_VALUES[name].loud}  # these ring at a value as well
OF_THE_REGION = {"concurrency-near-quota"}  # its metrics name no stack, so both stacks see the same
AGE = timedelta(seconds=10)  # of the newest point: well within its period, however late somebody looks


class Rehearsal:
    """Both stacks of alarms, and a queue for each that hears its topic."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloudwatch, self.formation, self.events = (cloud.client(it) for it in ("cloudwatch", "cloudformation", "events"))
        self.listeners = {it: Listener(cloud, f"{it}-heard", self._create(it)) for it in (QUIET, LOUD)}
        self._heard: dict[str, list[tuple[str, str]]] = {QUIET: [], LOUD: []}
        self.descriptions: dict[str, str] = {}

    def _create(self, prefix: str) -> str:
        self.events.create_event_bus(Name=f"{prefix}-events")
        given = {
            "Prefix": prefix,
            "Environment": prefix,
            "KeyArn": "arn:aws:kms:us-east-1:000000000000:key/none",
            "ApiId": f"{prefix}-api",
            "TableName": f"{prefix}-table",
            "EventBusName": f"{prefix}-events",
            "SchedulesState": "ENABLED",
        }
        topic = self._stack(f"{prefix}-alarms", "alarms.yaml", given)["AlarmTopicArn"]
        self._stack(
            f"{prefix}-function-alarms",
            "function-alarms.yaml",
            {"Prefix": prefix, "PaperExchange": "enabled", "AlarmTopicArn": topic},
        )
        return topic

    def _stack(self, name: str, file: str, parameters: Mapping[str, str]) -> dict[str, str]:
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        self.formation.create_stack(StackName=name, TemplateBody=(INFRA / file).read_text(), Parameters=given)

        def described() -> Any:
            return self.formation.describe_stacks(StackName=name)["Stacks"][0]

        stack = until(described, lambda found: not found["StackStatus"].endswith("IN_PROGRESS"))
        assert stack["StackStatus"] == "CREATE_COMPLETE", stack
        return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}

    def alarms(self, prefix: str) -> dict[str, Any]:
        """The alarms of a stack as CloudWatch describes them, by their names without the stack's."""
        pages = self.cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{prefix}-")
        return {it["AlarmName"].removeprefix(f"{prefix}-"): it for page in pages for it in page["MetricAlarms"]}

    def states(self, prefix: str) -> dict[str, str]:
        return {name: it["StateValue"] for name, it in self.alarms(prefix).items()}

    def publish(self, prefix: str, kind: str, names: Set[str] = ALARM_VALUES.keys()) -> None:
        """Publish the quiet or loud values of these alarms for each of their periods."""
        data: dict[str, list[Any]] = defaultdict(list)
        now = utc_now() - AGE
        for name, alarm in self.alarms(prefix).items():
            for metric, period, value in series(alarm, getattr(ALARM_VALUES[name], kind) if name in names else {}):
                point = {"MetricName": metric["MetricName"], "Dimensions": metric.get("Dimensions", []), "Value": value}
                times = [now - number * timedelta(seconds=period) for number in range(alarm["EvaluationPeriods"])]
                data[metric["Namespace"]] += [{**point, "Timestamp": at} for at in times]
        for namespace, points in data.items():
            self.cloudwatch.put_metric_data(Namespace=namespace, MetricData=points)

    def heard(self, prefix: str) -> set[tuple[str, str]]:
        """The names of alarms with the states that a topic has told so far."""
        for message in self.listeners[prefix].messages():
            told = json.loads(message)
            name = told["AlarmName"].removeprefix(f"{prefix}-")
            self._heard[prefix].append((name, told["NewStateValue"]))
            self.descriptions[name] = told["AlarmDescription"]
        return set(self._heard[prefix])

    def times(self, prefix: str, name: str, state: str) -> int:
        """How often a topic has told this state of an alarm so far."""
        self.heard(prefix)
        return self._heard[prefix].count((name, state))


def series(alarm: Any, values: Mapping[str, float]) -> Iterator[tuple[Any, int, float]]:
    """Metric, period and value of each metric that gets one."""
    for metric in alarm.get("Metrics") or []:
        if metric["Id"] in values:
            yield metric["MetricStat"]["Metric"], metric["MetricStat"]["Period"], values[metric["Id"]]
    if ONLY in values:
        yield alarm, alarm["Period"], values[ONLY]


@pytest.fixture(scope="module")
def rehearsal(cloud: Cloud) -> Rehearsal:
    cloud.reset()
    return Rehearsal(cloud)


def test_every_alarm_is_deployed_and_has_its_values(rehearsal: Rehearsal) -> None:
    assert rehearsal.alarms(QUIET).keys() == rehearsal.alarms(LOUD).keys() == ALARM_VALUES.keys()


def test_a_clock_that_has_never_run_rings_and_nothing_else_does(rehearsal: Rehearsal) -> None:
    expected = {name: "ALARM" if name in SILENT else "OK" for name in ALARM_VALUES}
    assert until(lambda: rehearsal.states(LOUD), expected.__eq__) == expected


def test_every_alarm_rings_just_above_its_bound_and_not_just_below(rehearsal: Rehearsal) -> None:
    assert until(lambda: {rehearsal.states(QUIET)[name] for name in SILENT}, {"ALARM"}.__eq__) == {"ALARM"}
    rehearsal.publish(QUIET, QUIET)
    run_again = {(name, "OK") for name in SILENT}
    assert until(lambda: rehearsal.heard(QUIET), run_again.issubset) >= run_again
    rehearsal.publish(LOUD, LOUD, ALARM_VALUES.keys() - LOUD_TOO)
    rung = {(name, "ALARM") for name in ALARM_VALUES.keys() - SILENT}
    assert until(lambda: rehearsal.heard(LOUD), rung.issubset) >= rung
    too_early = {name for name, state in rehearsal.heard(QUIET) if state == "ALARM"}
    assert too_early <= SILENT | OF_THE_REGION, "all alarms are looked at together, those below their bound as well"


@pytest.mark.parametrize("name", sorted(LOUD_TOO))
def test_an_alarm_on_silence_rings_at_its_bound_as_well(rehearsal: Rehearsal, name: str) -> None:
    rehearsal.publish(LOUD, QUIET, {name})
    assert until(lambda: rehearsal.states(LOUD)[name], "OK".__eq__) == "OK"
    before = rehearsal.times(LOUD, name, "ALARM")

    def rung_again() -> bool:
        rehearsal.publish(LOUD, LOUD, {name})  # at each look, so that there is no silence to ring at
        return rehearsal.times(LOUD, name, "ALARM") > before

    assert until(rung_again)


def test_every_message_names_a_runbook_that_is_there(rehearsal: Rehearsal) -> None:
    assert rehearsal.descriptions.keys() == ALARM_VALUES.keys()
    for description in rehearsal.descriptions.values():
        assert (INFRA.parent / description.split("Runbook: ")[1]).is_file()
