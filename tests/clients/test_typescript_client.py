"""The TypeScript client compiles as strictly as the compiler can, and its example runs against the application."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients import typescript_client
from tests.api.conftest import Deployment
from tests.support.builders import TENANT

pytestmark = pytest.mark.slow

WRONG = """
import { body, connect } from "./client.ts";
const candlecast = connect("", () => "");
const order = body(await candlecast.GET("/v1/orders/{order_id}", { params: { path: { order_id: "x" } } }));
export const doubled: number = order.fee * 2;
await candlecast.GET("/v1/nothing");
await candlecast.POST("/v1/positions/close", { body: { account_id: "x" } });
"""


def test_the_client_and_its_example_compile(typescript: Path) -> None:
    assert typescript_client.run("tsc", "--project", ".", cwd=typescript) == ""


def test_a_wrong_program_does_not_compile(typescript: Path) -> None:
    wrong = typescript / "wrong.ts"
    wrong.write_text(WRONG, encoding="utf-8")
    try:
        with pytest.raises(RuntimeError) as refused:
            typescript_client.run("tsc", "--project", ".", cwd=typescript)
    finally:
        wrong.unlink()
    lines = [line for line in str(refused.value).splitlines() if "error TS" in line]
    assert [line.partition("(")[2].partition(",")[0] for line in lines] == ["5", "6", "7"], refused.value


def test_the_example_lists_orders_and_closes_a_position(typescript: Path, deployment: Deployment, api: str) -> None:
    said = typescript_client.run("node", "example.ts", api, TENANT, cwd=typescript).splitlines()
    assert "FILLED" in said[0]
    assert said[-1].startswith("closing ")
    assert len(deployment.trade_queue.sent) == 1


def test_a_refusal_is_thrown_with_its_code(typescript: Path, api: str) -> None:
    program = typescript / "refused.ts"
    program.write_text(
        'import { connect, Refused } from "./client.ts";\n'
        "declare const process: { argv: string[] };\n"
        'const candlecast = connect(process.argv[2] ?? "", () => "tenant-1");\n'
        'try { await candlecast.GET("/v1/orders/{order_id}", { params: { path: { order_id: "x" } } }); }\n'
        "catch (error) { if (error instanceof Refused) console.log(error.status, error.code); }\n",
        encoding="utf-8",
    )
    try:
        assert typescript_client.run("node", "refused.ts", api, cwd=typescript) == "404 NOT_FOUND\n"
    finally:
        program.unlink()
