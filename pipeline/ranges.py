"""Types of parameters that say which values they may have: `at_least: Share = 0.1`. A recipe with another value is refused."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

STATED = "stated"
"""The type of an error of pydantic whose message says all that there is to say."""
Count = Annotated[int, Field(ge=0)]
"""A whole number, 0 or more."""
Positive = Annotated[int, Field(ge=1)]
"""A whole number, 1 or more."""
Amount = Annotated[float, Field(ge=0)]
"""A number, 0 or more: seconds, a ratio."""
PositiveAmount = Annotated[float, Field(gt=0)]
"""A number above 0."""
Share = Annotated[float, Field(ge=0, le=1)]
"""A number from 0 to 1."""
Names = Annotated[tuple[str, ...], Field(min_length=1)]
"""One string or more."""
