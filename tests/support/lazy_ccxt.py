"""ccxt as it is deployed: a venue is imported when it is first used.

Imported whole, ccxt takes three seconds of CPU in every process that runs tests. The exchange layer's own edit is made to the
copy of the development environment, in this process alone. So the tests run the code that is deployed.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

PACKAGE = "ccxt"
LAYER = Path(__file__).resolve().parents[2] / "layers" / "exchange" / "layer.py"


class _LazyLoader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        """Compile from source each time: a cached module is ccxt's own."""
        folder = Path(self.path).parent
        venues = {path.stem for path in folder.glob("*.py")} - {"__init__"}
        source = runpy.run_path(str(LAYER))["make_lazy"](self.get_data(self.path).decode(), venues)
        return compile(source, self.path, "exec", dont_inherit=True)


class _LazyFinder(MetaPathFinder):
    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname != PACKAGE:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _LazyLoader(fullname, spec.origin)
        return spec


def install() -> None:
    """Have it so from its first import on; harmless when it is imported already."""
    sys.meta_path.insert(0, _LazyFinder())
