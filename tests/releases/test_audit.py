"""An audit that looked nothing up says so, by an exit code of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.release.audit import NOT_AUDITED, PIP_AUDIT, ROOT, SOUND, VULNERABLE, NotAudited, ask, main

SAFE = {"name": "numpy", "version": "2.5.5", "vulns": []}
BAD = {"name": "ccxt", "version": "4.5.90", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["4.5.91"], "aliases": []}]}
SKIPPED = {"name": "cffi", "skip_reason": "Dependency not found on PyPI and could not be audited: cffi (2.0.0)"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("deps", "signing"):
        (tmp_path / "layers" / name).mkdir(parents=True)
        (tmp_path / "layers" / name / "requirements.lock").write_text("cffi==2.0.0\n")
    return tmp_path


def answer(*dependencies: object) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ((SAFE,), SOUND),
        ((SAFE, BAD), VULNERABLE),
        ((SAFE, SKIPPED), NOT_AUDITED),
        ((BAD, SKIPPED), VULNERABLE),
    ],
)
def test_an_exit_code_tells_vulnerable_from_not_looked_up(checkout: Path, found: tuple[object, ...], code: int) -> None:
    assert main([str(checkout)], lambda _: answer(*found)) == code


def test_a_vulnerability_is_named_with_its_package_and_layer(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(checkout)], lambda _: answer(BAD))
    assert "signing: VULNERABLE: ccxt 4.5.90: PYSEC-2026-1" in capsys.readouterr().err


def test_a_database_that_is_not_reachable_for_one_lock_is_told_and_the_others_count(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def half(lock: Path) -> str:
        if lock.parent.name == "deps":
            raise NotAudited("ConnectionError: refused")
        return answer(SAFE)

    assert main([str(checkout)], half) == NOT_AUDITED
    told = capsys.readouterr().err
    assert "deps: AUDIT_UNREACHABLE: ConnectionError: refused" in told
    assert "signing: 1 packages without a known vulnerability" in told
    assert "this says nothing about them" in told


@pytest.mark.parametrize("text", ["", "[]", '{"dependencies": [{"name": "x"}]}'])
def test_another_text_than_an_answer_is_no_audit(checkout: Path, text: str) -> None:
    assert main([str(checkout)], lambda _: text) == NOT_AUDITED


def test_a_checkout_without_locks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path)], lambda _: answer(SAFE))


@pytest.mark.slow
def test_pip_audit_behind_a_closed_door_gives_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PIP_AUDIT.exists(), "make test makes .venvs/release"
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(NotAudited, match=r"127\.0\.0\.1"):
        ask(ROOT / "layers" / "signing" / "requirements.lock")
