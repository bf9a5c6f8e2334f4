"""Steps that only this layer needs: build FastAPI's models and adapters when a request needs them, not all at import.

Nearly half of the API's cold start was the building of validators. An OpenAPI document has many models, which few requests ask
for. Each route has parameters and answers, and a request meets one route's.
"""

import runpy
from pathlib import Path
from typing import Any

edits: Any = runpy.run_path(str(Path(__file__).resolve().parents[1] / "deferring.py"))


def finish(target: Path) -> None:
    """Edit FastAPI in `target`, the layer's python/."""
    defer_openapi(target / "fastapi" / "openapi" / "models.py")
    defer_adapters(target / "fastapi" / "_compat" / "v2.py")


def defer_openapi(models: Path) -> None:
    """Pydantic builds a model that asks for it at first use; a self-referring model too, unless told to build at once."""
    edits["replace_once"](models, 'model_config = {"extra": "allow"}', 'model_config = {"extra": "allow", "defer_build": True}')
    edits["replace_once"](models, "Schema.model_rebuild()\nOperation.model_rebuild()\nEncoding.model_rebuild()\n", "")


def defer_adapters(compatibility: Path) -> None:
    """A parameter's adapter, which the class makes as an attribute, becomes a property that is worked out once."""
    replace = edits["replace_once"]
    replace(compatibility, "from functools import lru_cache\n", "from functools import cached_property, lru_cache\n")
    replace(
        compatibility,
        "    def __post_init__(self) -> None:\n",
        "    @cached_property\n    def _type_adapter(self) -> TypeAdapter[Any]:\n",
    )
    replace(compatibility, "self._type_adapter: TypeAdapter[Any] = TypeAdapter(", "return TypeAdapter(")
