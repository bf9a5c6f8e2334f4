"""Environment of the venue as a function: its table, and the secret that holds the operator's key."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError


class PaperExchangeSettings(BaseModel):
    """A field's variable is its name in capitals."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=str.upper)

    paper_table_name: str
    operator_secret_id: str

    @classmethod
    def read(cls, variables: Mapping[str, str] | None = None) -> Self:
        """Read and check the settings; the error names variables and never their values."""
        try:
            return cls.model_validate(dict(os.environ if variables is None else variables))
        except ValidationError as error:
            names = ", ".join(sorted({str(problem["loc"][0]) for problem in error.errors(include_input=False)}))
            raise RuntimeError(f"missing or malformed: {names}") from None
