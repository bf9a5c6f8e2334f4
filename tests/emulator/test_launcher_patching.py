"""A patch fits the version that it was written for, or the emulator does not start."""

import importlib.metadata
from types import SimpleNamespace

import pytest

from infra.local.emulator.patching import MINISTACK_VERSION, PatchError, apply, replace, rewrite


def the_expected_version(monkeypatch: pytest.MonkeyPatch, version: str = MINISTACK_VERSION) -> None:
    monkeypatch.setattr("infra.local.emulator.patching.version", lambda _name: version)


def test_replacing_binds_the_new_and_returns_the_old() -> None:
    module = SimpleNamespace(answer=lambda: 1)
    old = replace(module, "answer", lambda: 2)
    assert (module.answer(), old()) == (2, 1)


@pytest.mark.parametrize(("name", "new"), [("gone", lambda: 2), ("answer", 2), ("limit", lambda: 2)])
def test_replacing_what_is_not_there_or_is_something_else_is_refused(name: str, new: object) -> None:
    with pytest.raises(PatchError, match=name):
        replace(SimpleNamespace(answer=lambda: 1, limit=5), name, new)


@pytest.mark.parametrize("text", ["nothing of the kind", "twice() twice()"])
def test_rewriting_needs_the_passage_exactly_once(text: str) -> None:
    assert rewrite("before once() after", "once()", "new()") == "before new() after"
    with pytest.raises(PatchError, match="expected once"):
        rewrite(text, "twice()", "new()")


def test_another_version_is_refused_before_anything_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    the_expected_version(monkeypatch, "1.6.0")
    applied: list[str] = []
    with pytest.raises(PatchError, match=r"1\.6\.0"):
        apply([lambda: applied.append("patch")])
    assert not applied


def test_a_missing_emulator_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("infra.local.emulator.patching.version", missing)
    with pytest.raises(PatchError, match="make env"):
        apply([])


def test_a_patch_that_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    the_expected_version(monkeypatch)

    def faster_queues() -> None:
        replace(SimpleNamespace(), "poll", lambda: None)

    with pytest.raises(PatchError, match=r"faster_queues: .*poll"):
        apply([faster_queues])


def test_the_lock_installs_the_version_that_the_patches_are_for() -> None:
    from infra.local.project import ROOT

    lock = (ROOT / "infra/local/environments/emulator.lock").read_text(encoding="utf-8")
    assert f"\nministack=={MINISTACK_VERSION} " in f"\n{lock}"
