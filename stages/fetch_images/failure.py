"""What a fetch ends with when there is no image."""

from __future__ import annotations

from dataclasses import dataclass

from interloom.schemas.outcome import Drop


@dataclass(frozen=True, slots=True)
class Fetched:
    """The bytes of an image, and the evidence of an opt-out that came with them."""

    data: bytes
    opt_out: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """Why there is no image. `is_passing`: a later attempt may succeed, because the host or the network was at fault."""

    drop: Drop
    is_passing: bool = False


class FetchError(Exception):
    """An attempt failed.

    Parameters:
        drop: Why.
        is_passing: Whether a later attempt may succeed. Default false.
        is_of_host: Whether it says that the host is down or overloaded, whatever is asked of it. Default false.
        is_given_up: Whether no other attempt is made now, though one may succeed later. Default false.
    """

    def __init__(self, drop: Drop, is_passing: bool = False, is_of_host: bool = False, is_given_up: bool = False) -> None:
        super().__init__(drop.reason)
        self.drop, self.is_passing = drop, is_passing
        self.is_of_host, self.is_given_up = is_of_host, is_given_up
