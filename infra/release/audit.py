"""`make audit`: known vulnerabilities of every package that a layer's lock names, by pip-audit.

pip-audit asks a database and ends well for a package that the database does not know, as a mirror without that database answers.
So this counts the answers: an audit that looked nothing up is no audit, and has an exit code of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PIP_AUDIT = ROOT / ".venvs" / "release" / "bin" / "pip-audit"
SECONDS_OF_A_REQUEST = 30
SECONDS_OF_A_LOCK = 600  # for one that hangs: a lock has some ten packages, each of them a request
SOUND, VULNERABLE, NOT_AUDITED = 0, 1, 3
LAST_WORDS = 300  # characters of pip-audit's complaint that are told

# Vulnerabilities that do not concern us, by id, each with the reason. An entry holds for every layer.
ACCEPTED: Mapping[str, str] = {}

Ask = Callable[[Path], str]


class NotAudited(Exception):
    """pip-audit gave no answer for a lock; the message is its last word."""


@dataclass(frozen=True)
class Answer:
    """The answer for one package: the ids of its vulnerabilities, or why it was not looked up."""

    package: str
    vulnerabilities: tuple[str, ...] = ()
    skipped: str | None = None


def answers(text: str) -> Iterator[Answer]:
    """Each package in the JSON of pip-audit. Raises `NotAudited` for another text."""
    try:
        for each in json.loads(text)["dependencies"]:
            if "skip_reason" in each:
                yield Answer(str(each["name"]), skipped=str(each["skip_reason"]))
                continue
            ids = tuple(sorted(str(found["id"]) for found in each["vulns"] if str(found["id"]) not in ACCEPTED))
            yield Answer(f"{each['name']} {each['version']}", ids)
    except (ValueError, KeyError, TypeError) as error:
        raise NotAudited(f"not the answer of pip-audit: {type(error).__name__}") from error


def ask(lock: Path) -> str:
    """pip-audit's answer for a lock, as JSON. Raises `NotAudited`."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [str(PIP_AUDIT), "--requirement", str(lock), "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
        command += ["--timeout", str(SECONDS_OF_A_REQUEST), "--format", "json", "--output", str(answer)]
        try:
            outcome = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_OF_A_LOCK, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotAudited(str(error)) from error
        if not answer.exists():
            raise NotAudited((outcome.stderr.strip().splitlines() or ["no answer"])[-1][:LAST_WORDS])
        return answer.read_text(encoding="utf-8")


def audit(locks: Sequence[Path], ask_for: Ask) -> int:
    """Tell what is known of each lock's packages: 0 if nothing bad, 1 if something is vulnerable, 3 if nobody looked."""
    vulnerable, unknown = 0, 0
    for lock in locks:
        try:
            found = list(answers(ask_for(lock)))
        except NotAudited as error:
            unknown += 1
            sys.stderr.write(f"  {lock.parent.name}: AUDIT_UNREACHABLE: {error}\n")
            continue
        bad, skipped = [it for it in found if it.vulnerabilities], [it for it in found if it.skipped]
        vulnerable, unknown = vulnerable + len(bad), unknown + len(skipped)
        for it in bad:
            sys.stderr.write(f"  {lock.parent.name}: VULNERABLE: {it.package}: {', '.join(it.vulnerabilities)}\n")
        if skipped:
            sys.stderr.write(
                f"  {lock.parent.name}: NOT_LOOKED_UP: {len(skipped)} of {len(found)} packages: {skipped[0].skipped}\n"
            )
        if not bad and not skipped:
            sys.stderr.write(f"  {lock.parent.name}: {len(found)} packages without a known vulnerability\n")
    if vulnerable:
        return VULNERABLE
    if unknown:
        sys.stderr.write("audit: NOT_AUDITED: the database was not reachable for all packages; this says nothing about them\n")
    return NOT_AUDITED if unknown else SOUND


def main(arguments: Sequence[str] | None = None, ask_for: Ask = ask) -> int:
    """Audit a checkout's layers."""
    parser = argparse.ArgumentParser(prog="python -m infra.release.audit", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkout", type=Path, nargs="?", default=ROOT)
    locks = sorted(parser.parse_args(arguments).checkout.glob("layers/*/requirements.lock"))
    if not locks:
        parser.error("the checkout has no lock of a layer")
    return audit(locks, ask_for)


if __name__ == "__main__":
    sys.exit(main())
