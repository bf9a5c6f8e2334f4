"""The escape suite: each attack is refused with its code by the lock of the table, and the next run is untouched.

The table is run a second time as on a bare platform: no seccomp, no Landlock, no namespaces, and the parent's own user.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from candlecast.sandbox.parent import answer
from candlecast.sandbox.protocol import Job, Request
from tests.support.sandbox import HONEST, request
from tests.support.sandbox_attacks import ATTACKS, Attack, attack_rows, seen
from tests.support.sandbox_parent import BareParent

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 1.0  # of an attack; an endless loop takes them all
LEAST_ATTACKS = 30
MARKER = "marker-of-the-run-before-7c1d"
EACH = pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    """A server on the loopback in the place of Lambda's interface of the runtime; nobody may reach it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server


@pytest.fixture(scope="module")
def clean() -> Any:
    """The answer of an honest run, whose source holds a marker for the next."""
    return result_of(answer(honest()))


@pytest.fixture(scope="module")
def bare() -> Iterator[BareParent]:
    with BareParent() as parent:
        yield parent


@pytest.fixture
def others_file(tmp_path: Path) -> Path:
    path = tmp_path / "of-another-tenant"
    path.write_text("secret", encoding="utf-8")
    path.chmod(0o644)
    return path


def honest() -> Request:
    return request(f"kept = '{MARKER}'\n" + HONEST, Job.SIGNALS)


def result_of(answered: dict[str, Any] | None) -> Any:
    assert answered is not None
    return answered["result"]


def asked(attack: Attack, parent: int, listener: socket.socket, file: Path) -> Request:
    body, before = attack.source(parent=parent, port=listener.getsockname()[1], file=file, marker=MARKER)
    return request(body, before=before, seconds=SECONDS)


def require_untouched(listener: socket.socket, answered: dict[str, Any] | None) -> None:
    """Nobody has called the listener, and every text of the answer is one printable line."""
    with pytest.raises(BlockingIOError):
        listener.accept()
    if answered is not None:
        texts = [*answered["logs"], "" if answered["ok"] else answered["error"]["message"]]
        assert all(text.isprintable() for text in texts)


@pytest.mark.slow
@EACH
def test_an_attack_is_refused_and_the_next_run_is_untouched(
    attack: Attack, listener: socket.socket, clean: Any, others_file: Path
) -> None:
    answered = answer(asked(attack, os.getpid(), listener, others_file))
    assert seen(answered, bare=False) == attack.full
    require_untouched(listener, answered)
    assert result_of(answer(honest())) == clean


@pytest.mark.slow
@EACH
def test_an_attack_on_a_bare_platform_ends_as_the_table_says(
    attack: Attack, bare: BareParent, listener: socket.socket, clean: Any, others_file: Path
) -> None:
    """Twice where something might be left for the next run."""
    for _ in range(2 if attack.bare[1] == "wipe" else 1):
        answered = bare.answer(asked(attack, bare.pid, listener, others_file))
        assert seen(answered, bare=True) == attack.bare
        require_untouched(listener, answered)
    if attack.bare[1] in ("wipe", "nothing"):
        assert result_of(bare.answer(honest())) == clean


def test_the_table_has_attacks_enough_and_each_is_held_where_the_kernel_has_its_locks() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= LEAST_ATTACKS
    assert [attack.name for attack in ATTACKS if attack.full[1] == "nothing"] == []


def test_each_success_on_a_bare_platform_says_why_it_harms_nobody() -> None:
    assert [attack.name for attack in ATTACKS if (attack.bare[1] == "nothing") != bool(attack.remains)] == []


def test_the_page_shows_the_table() -> None:
    page = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    shown = page.split("\n## The attacks\n")[1].split("\n## ")[0]
    assert [line for line in shown.splitlines() if line.startswith("| ")][1:] == attack_rows()


CLOSED_PARENT = """
import os, sys
from candlecast.sandbox.lock.kernel import PR_SET_DUMPABLE, prctl
from candlecast.sandbox.parent import answer
from tests.support.sandbox import request
from tests.support.sandbox_parent import become_user


def readable():
    child = os.fork()
    if child == 0:
        try:
            open(f"/proc/{os.getppid()}/environ").read()
        except PermissionError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


if os.geteuid() == 0:
    become_user()
prctl(PR_SET_DUMPABLE, 1)
before = readable()
answer(request())
print(before, readable())
"""


@pytest.mark.slow
def test_a_parent_is_closed_to_processes_of_its_own_user() -> None:
    path = os.pathsep.join((str(ROOT), str(ROOT / "layers" / "core")))
    found = subprocess.run(  # noqa: S603
        [sys.executable, "-c", CLOSED_PARENT], env={"PYTHONPATH": path}, check=True, capture_output=True, text=True
    )
    assert found.stdout.split() == ["True", "False"]
