"""Who answers at an instance's port: its own emulator, or somebody else since the last crash."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra.local import cloud
from infra.local.cloud import Cloud
from infra.local.project import CommandError


class Answering(ThreadingHTTPServer):
    """A program at a port of its own that gives the same answer to everything, unless somebody holds it busy."""

    answer: Any = None
    busy = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Answering)
        with server.busy, suppress(BrokenPipeError):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(server.answer).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    """A program at the port that the instance "up" has written down, and a `kill` that must not be reached."""
    monkeypatch.setattr(cloud, "CLOUDS", tmp_path)
    monkeypatch.setattr(os, "kill", lambda *told: pytest.fail(f"killed {told}"))
    with Answering(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        (tmp_path / "up").mkdir()
        ports = dict.fromkeys(("aws", "api", "paper"), server.server_port)
        (tmp_path / "up" / "instance.json").write_text(json.dumps(ports), encoding="utf-8")
        yield server
        server.shutdown()


def test_its_own_emulator_is_found_by_its_state_folder(program: Answering, tmp_path: Path) -> None:
    program.answer = {"pid": os.getpid(), "state": str(tmp_path / "up"), "workers": []}
    assert Cloud.attach("up").running()


@pytest.mark.parametrize(
    "answer",
    [
        {"pid": os.getpid(), "workers": []},
        {"pid": os.getpid(), "state": "/another/checkout/build/cloud/up", "workers": []},
        {"pid": -1, "state": "its own", "workers": []},
        {"pid": 1, "state": "its own", "workers": []},
        {"pid": "1", "state": "its own", "workers": []},
        {"pid": None, "state": "its own"},
        [],
        "hello",
        None,
    ],
)
def test_another_program_at_its_port_is_neither_used_nor_killed(answer: Any, program: Answering, tmp_path: Path) -> None:
    own = str(tmp_path / "up")
    program.answer = {**answer, "state": own} if isinstance(answer, dict) and answer.get("state") == "its own" else answer
    with pytest.raises(CommandError) as refused:
        Cloud.attach("up")
    assert refused.value.code == "INSTANCE_NOT_RUNNING"
    Cloud("up", state=tmp_path / "up", ports=cloud.Ports(*[program.server_port] * 3)).stop()


def test_an_emulator_that_is_too_busy_to_answer_is_not_called_missing(
    program: Answering, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud, "ANSWER_SECONDS", 0.01)
    with program.busy, pytest.raises(CommandError) as refused:
        Cloud.attach("up")
    assert "does not answer within" in str(refused.value)
