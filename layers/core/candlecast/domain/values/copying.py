"""Copies of values with some fields changed. Every change of an account makes such copies, some thirty times an order.

`dataclasses.replace` reads each field by name and passes all of them through the constructor, which is slow for values with
forty fields. Here the fields are copied at once. Values of the domain have no slots for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["replace"]

if TYPE_CHECKING:
    from dataclasses import replace  # so that names and types of the fields are checked wherever it is called
else:

    def replace(value: Any, /, **changes: Any) -> Any:
        """The value with these fields changed, checked as a new one is; raises `TypeError` for a field that it has not."""
        kind = type(value)
        copy = object.__new__(kind)
        fields = copy.__dict__
        fields.update(value.__dict__)
        count = len(fields)
        fields.update(changes)
        if len(fields) != count:
            raise TypeError(f"{kind.__name__} has no such field: {', '.join(changes.keys() - value.__dict__.keys())}")
        check = getattr(copy, "__post_init__", None)
        if check is not None:
            check()
        return copy
