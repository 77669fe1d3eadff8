"""Groups the members of a tar into samples, as the webdataset library does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from interloom.stages._input.tar_members import TarMember, tar_members
from interloom.stages._input.tar_reading import TrailingDataError


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample: its key, the place of its first member, its members by suffix, and what is wrong with it."""

    key: str
    offset: int
    members: Mapping[str, TarMember]
    error: str = ""


def grouped(path: str, as_reference: tuple[str, ...], max_bytes: int, strays: list[TarMember]) -> Iterator[Sample]:
    """Yields the samples of a tar. Raises what a broken tar makes the libraries raise; its last sample is then not yielded,
    unless the tar ended before.

    Parameters:
        path: The tar.
        as_reference: Endings of members that are not read but referred to.
        max_bytes: The content of larger members is not read. Bytes.
        strays: Gets the members that belong to no sample, and links, as they are met.
    """
    from webdataset.tariterators import base_plus_ext, group_by_keys

    errors: list[str] = []
    behind: list[TrailingDataError] = []

    def files() -> Iterator[dict[str, Any]]:
        try:
            for member in tar_members(path, as_reference, max_bytes):
                if member.is_link or base_plus_ext(member.name)[0] is None:
                    strays.append(member)
                else:
                    yield {"fname": member.name, "data": member, "__url__": path}
        except TrailingDataError as error:
            behind.append(error)

    def note(error: Exception) -> bool:
        errors.append(f"repeated member: {error.args[0]}")
        return True

    for sample in group_by_keys(files(), handler=note):
        members = {suffix: value for suffix, value in sample.items() if isinstance(value, TarMember)}
        first = min(member.offset for member in members.values())
        too_large = [f"too large: {m.name}" for m in members.values() if m.data is None and m.blob is None]
        yield Sample(sample["__key__"], first, members, next(iter([*errors, *too_large]), ""))
        errors.clear()
    if behind:
        raise behind[0]
