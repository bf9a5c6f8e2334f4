"""Edits of the product's source that exist only in one process: an import hook makes them before a module is compiled."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType


class EditDoesNotApply(Exception):
    """The code has changed: the author of the change must move the edit to the mechanism's new place."""


@dataclass(frozen=True, slots=True)
class Edit:
    """In one module, one piece of text in place of another that must be there exactly once."""

    module: str
    before: str
    after: str

    def made_in(self, source: str) -> str:
        """The source with the edit; raises `EditDoesNotApply`."""
        if source.count(self.before) != 1:
            raise EditDoesNotApply(f"{self.module} has {source.count(self.before)} times: {self.before}")
        return source.replace(self.before, self.after)


class _EditingLoader(SourceFileLoader):
    def __init__(self, name: str, path: str, edits: Sequence[Edit]) -> None:
        super().__init__(name, path)
        self._edits = edits

    def get_code(self, fullname: str) -> CodeType:
        """Compile from source each time. A cached module is not edited, and an edited module must not be cached."""
        source = self.get_data(self.path).decode()
        for edit in self._edits:
            source = edit.made_in(source)
        return compile(source, self.path, "exec", dont_inherit=True)


class _EditingFinder(MetaPathFinder):
    def __init__(self, edits: Iterable[Edit]) -> None:
        self._edits: dict[str, list[Edit]] = {}
        for edit in edits:
            self._edits.setdefault(edit.module, []).append(edit)

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname not in self._edits:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _EditingLoader(fullname, spec.origin, self._edits[fullname])
        return spec


def install(edits: Sequence[Edit]) -> None:
    """Have the edits made when their modules are imported; raises `EditDoesNotApply` if one is imported already."""
    for edit in edits:
        if edit.module in sys.modules:
            raise EditDoesNotApply(f"{edit.module} is imported already")
    sys.meta_path.insert(0, _EditingFinder(edits))


def require_made(edits: Iterable[Edit]) -> None:
    """Raise `EditDoesNotApply` for an edit whose module nobody has imported: the suites have not run it."""
    for edit in edits:
        loader = getattr(sys.modules.get(edit.module), "__loader__", None)
        if not isinstance(loader, _EditingLoader):
            raise EditDoesNotApply(f"{edit.module} was not imported")
