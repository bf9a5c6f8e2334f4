"""The state that an instance of `up` keeps from one run to the next, and when it cannot be used.

The emulator writes its services' state at a clean stop: the table and the paper exchange's, secrets, people, queues, the stack. A
record beside it says what the state was made of, so that nothing is read that the present code would misread.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from infra.local import deployment
from infra.local.cloud import CLOUDS, Cloud, Ports
from infra.local.emulator.patching import MINISTACK_VERSION
from infra.local.project import CommandError

RECORD = "kept.json"
FRESH = "start anew with --fresh, which forgets all accounts of this instance"


@dataclass(frozen=True, slots=True)
class Kept:
    """Origin of a state: the emulator, the ports that stand in its addresses, the build, the people."""

    emulator: str
    ports: Ports
    build: str
    users: int
    trader: str
    strategy_id: str

    def save(self, cloud: Cloud) -> None:
        """Write the record of a running instance."""
        (cloud.state / RECORD).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Found:
    """A state that can be used; `complaint` says what is lost."""

    kept: Kept
    complaint: str | None


def find(name: str, ports: Ports | None) -> Found | None:
    """The state that an instance of that name left, None if there is none. Raises CommandError if it cannot be used.

    `ports` are those that are asked for, if any are.
    """
    folder = CLOUDS / name
    if not is_recorded(name):
        return None
    kept = _read(folder / RECORD)
    if kept.emulator != MINISTACK_VERSION:
        raise CommandError(
            f"the state was kept by emulator {kept.emulator}, this is {MINISTACK_VERSION}: {FRESH}", "STATE_OF_OTHER_EMULATOR"
        )
    if ports is not None and ports != kept.ports:
        ports_of = f"{kept.ports.aws}, {kept.ports.api} and {kept.ports.paper}"
        raise CommandError(f"the kept state answers at ports {ports_of}: leave the ports out, or {FRESH}", "STATE_OF_OTHER_PORTS")
    if not any((folder / "state").glob("*.json")):
        forget(name)
        return None
    clean = (folder / "state" / "saved_at").exists()
    return Found(kept, None if clean else "the last run was killed: what it changed is lost, the state is that of the run before")


def is_recorded(name: str) -> bool:
    """Whether an instance of that name has once been ready, and was not forgotten."""
    return (CLOUDS / name / RECORD).exists()


def note_build(cloud: Cloud) -> None:
    """Note that the checkout as it is now has been deployed into a running instance, if it keeps its state."""
    if (cloud.state / RECORD).exists():
        replace(_read(cloud.state / RECORD), build=deployment.build()).save(cloud)


def forget(name: str) -> None:
    """Remove what an instance has kept; it must not be running."""
    (CLOUDS / name / RECORD).unlink(missing_ok=True)
    shutil.rmtree(CLOUDS / name / "state", ignore_errors=True)


def _read(path: Path) -> Kept:
    try:
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Kept(**{**known, "ports": Ports(**known["ports"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CommandError(f"{path} cannot be read: {FRESH}", "STATE_UNREADABLE") from error
