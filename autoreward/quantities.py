"""Kinds of numbers that settings are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field


def whole(value: object) -> object:
    """Let 2e6 stand for 2000000."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


Count = Annotated[int, BeforeValidator(whole), Field(ge=1)]
Whole = Annotated[int, BeforeValidator(whole), Field(ge=0)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
