"""`make deploy` refuses to reserve more than the account has, and counts as the template does."""

import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from infra.check_concurrency import CAPS, CLOCKS, DEFAULTS, QUEUES, main, reserved
from tests.support.deployed import deployment, written_root
from tests.support.transformed import ROOT
from tests.template.test_template_functions import logical_id

pytestmark = pytest.mark.slow

FUNCTIONS = sorted({*CLOCKS, *QUEUES, *CAPS})
EVERYTHING = {
    "ReservedConcurrency": "enabled",
    "ApiConcurrency": "7",
    "IntakeConcurrency": "8",
    "PaperExchangeConcurrency": "9",
    "SandboxConcurrency": "10",
}


@contextmanager
def account(unreserved: int, own: dict[str, int] | None = None) -> Iterator[Callable[[str], Any]]:
    """An account with this much that is not reserved, and these reservations of the stack."""
    functions = boto3.Session("a", "b", region_name="eu-west-1").client("lambda")
    with Stubber(functions) as stub:
        limit = {"ConcurrentExecutions": 1_000, "UnreservedConcurrentExecutions": unreserved}
        stub.add_response("get_account_settings", {"AccountLimit": limit})
        for name in FUNCTIONS:
            asked = {"FunctionName": f"candlecast-prod-{name}"}
            if own is None:
                stub.add_client_error("get_function_concurrency", "ResourceNotFoundException", expected_params=asked)
            else:
                found = {"ReservedConcurrentExecutions": own[name]} if name in own else {}
                stub.add_response("get_function_concurrency", found, asked)
        yield lambda _service: functions


def configuration(folder: Path, **parameters: str) -> Path:
    path = folder / "samconfig.toml"
    text = " ".join(f"{name}={value}" for name, value in parameters.items())
    path.write_text(f'[default.deploy.parameters]\nstack_name = "candlecast-prod"\nparameter_overrides = "{text}"\n')
    return path


@pytest.mark.parametrize("parameters", [{}, EVERYTHING, EVERYTHING | {"PaperExchange": "disabled", "ExecutorConcurrency": "33"}])
def test_it_counts_what_the_template_reserves(parameters: dict[str, str]) -> None:
    made = deployment(parameters)
    found: dict[str, int] = {}
    for name in FUNCTIONS:
        if logical_id(name) in made.functions():
            count = made.properties(logical_id(name)).get("ReservedConcurrentExecutions")
            found |= {name: int(count)} if count is not None else {}
    assert reserved(parameters) == found
    other = [key for key in made.functions() if "ReservedConcurrentExecutions" in made.properties(key)]
    assert sorted(other) == sorted(map(logical_id, found))


def test_a_reservation_below_what_two_queues_start_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = configuration(tmp_path, ReservedConcurrency="enabled", ReconcilerConcurrency="21")
    assert main(["--config-file", str(file)]) == 3
    assert "CONCURRENCY_SHORT" in capsys.readouterr().err


def test_its_defaults_are_those_of_the_template() -> None:
    declared = written_root()["Parameters"]
    assert {name: str(declared[name]["Default"]) for name in DEFAULTS} == DEFAULTS


def test_a_stack_that_reserves_nothing_asks_nothing(tmp_path: Path) -> None:
    def nobody(service: str) -> Any:
        raise AssertionError(f"{service} was asked")

    assert main(["--config-file", str(configuration(tmp_path, Environment="dev"))], nobody) == 0


@pytest.mark.parametrize(("unreserved", "code"), [(1_000, 0), (254 + 100, 0), (254 + 99, 3), (10, 3)])
def test_a_hundred_executions_stay_unreserved(
    tmp_path: Path, unreserved: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """200 for the executor, 40 for the reconciler and 14 for the clocks."""
    path = configuration(tmp_path, ReservedConcurrency="enabled")
    with account(unreserved) as clients:
        assert main(["--config-file", str(path)], clients) == code
    assert ("CONCURRENCY_QUOTA" in capsys.readouterr().err) == (code == 3)


def test_what_the_stack_has_reserved_already_is_its_own(tmp_path: Path) -> None:
    path = configuration(tmp_path, ReservedConcurrency="enabled")
    with account(100 + 54, own={"order_executor": 200}) as clients:
        assert main(["--config-file", str(path)], clients) == 0


def test_an_answer_that_aws_refuses_is_no_quota(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    functions = boto3.Session("a", "b", region_name="eu-west-1").client("lambda")
    with Stubber(functions) as stub:
        stub.add_client_error("get_account_settings", "AccessDeniedException")
        path = configuration(tmp_path, ReservedConcurrency="enabled")
        assert main(["--config-file", str(path)], lambda _service: functions) == 2
    assert "CONCURRENCY_UNKNOWN" in capsys.readouterr().err


def test_only_production_reserves_without_being_asked() -> None:
    sections = tomllib.loads((ROOT / "samconfig.toml").read_text())
    for name, section in sections.items():
        if name != "version":
            text = section["deploy"]["parameters"]["parameter_overrides"]
            assert ("ReservedConcurrency=enabled" in text) == (name == "prod")
