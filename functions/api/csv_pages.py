"""Lists as CSV (RFC 4180): the one place that makes rows of a page.

A page is made as JSON first, so its numbers, times and words are those of the JSON answer. Loaded by the first request for CSV.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from io import StringIO
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from starlette.responses import Response

from functions.api.schemas.values import MONEY

MEDIA_TYPE = "text/csv; charset=utf-8; header=present"
LINE_END = "\r\n"
STARTS_A_FORMULA = (
    *"=+-@\t\r\n",
    *"\uff1d\uff0b\uff0d\uff20",
)  # the last four are wide: https://owasp.org/www-community/attacks/CSV_Injection
DEFUSED = "'"  # a spreadsheet shows the rest as text

type Column = tuple[str, ...]
"""The names that lead to a value, from the entry inwards."""


def as_csv(answer: Response, model: type[BaseModel], rows: str, name: str) -> Response:
    """The page of a JSON answer as a file `name`.csv; `rows` is the field of `model` that has the entries.

    The field `next_cursor` or `next_from` becomes a header: `X-Next-Cursor`, `X-Next-From`.
    """
    page = json.loads(bytes(answer.body))
    columns = list(columns_of(get_args(model.model_fields[rows].annotation)[0]))
    text = StringIO()
    writer = csv.writer(text, lineterminator=LINE_END)
    writer.writerow(".".join(column) for column in columns)
    writer.writerows([cell(value_of(entry, column)) for column in columns] for entry in page[rows])
    following = {f"x-{field.replace('_', '-')}": str(page[field]) for field in page if field.startswith("next_") and page[field]}
    headers = {"content-disposition": f'attachment; filename="{name}.csv"', **following}
    return Response(text.getvalue(), status_code=answer.status_code, media_type=MEDIA_TYPE, headers=headers)


def columns_of(view: type[BaseModel], within: Column = ()) -> Iterator[Column]:
    """The columns of a view in the order of its fields: those of a nested view stand in its place, with its name before."""
    for name, field in view.model_fields.items():
        nested = _view(field.annotation)
        if nested is None:
            yield (*within, name)
        else:
            yield from columns_of(nested, (*within, name))


def value_of(entry: object, column: Column) -> object:
    """The value of a column; None where a nested view is absent."""
    for name in column:
        entry = entry.get(name) if isinstance(entry, Mapping) else None
    return entry


def cell(value: object) -> str:
    """A value as text: nothing for null, JSON for lists and objects, and text that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return DEFUSED + value if value.startswith(STARTS_A_FORMULA) and not MONEY.fullmatch(value) else value


def _view(annotation: Any) -> type[BaseModel] | None:
    """The view that an annotation names, if it may be one view and nothing else but null."""
    if get_origin(annotation) in (Union, UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        return _view(kinds[0]) if len(kinds) == 1 else None
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
