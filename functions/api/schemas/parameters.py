"""Parameters and ids of strategies, as bodies give them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, FiniteFloat, StrictBool, StrictInt

from functions.api.schemas.values import Readable

MAX_PARAMETERS = 32  # more than any rule that a person understands has
Slug = Annotated[str, Field(min_length=3, max_length=63, pattern=r"^[a-z0-9][a-z0-9-]*[a-z0-9]$")]
Parameter = (
    StrictBool | StrictInt | Annotated[FiniteFloat, Field(strict=True)] | Annotated[Readable, Field(strict=True, max_length=64)]
)
Parameters = Annotated[dict[Annotated[str, Field(max_length=64)], Parameter], Field(max_length=MAX_PARAMETERS)]
