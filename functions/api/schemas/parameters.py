"""Parameters and ids of strategies, as bodies give them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool

from functions.api.schemas.values import Readable

MAX_PARAMETERS = 32  # more than any rule that a person understands has
Slug = Annotated[str, Field(min_length=3, max_length=63, pattern=r"^[a-z0-9][a-z0-9-]*[a-z0-9]$")]
MAX_NUMBER = 2**53 - 1  # beyond it readers of JSON disagree on a number (RFC 8259, section 6)
Parameter = (
    StrictBool
    | Annotated[int, Field(strict=True, ge=-MAX_NUMBER, le=MAX_NUMBER)]
    | Annotated[float, Field(strict=True, ge=-MAX_NUMBER, le=MAX_NUMBER, allow_inf_nan=False)]
    | Annotated[Readable, Field(strict=True, max_length=64)]
)
Parameters = Annotated[dict[Annotated[str, Field(max_length=64)], Parameter], Field(max_length=MAX_PARAMETERS)]
