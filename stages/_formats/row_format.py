"""A published format of rows, as its reader describes it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from interloom.pipeline.contents import Content
from interloom.schemas.document import Document
from interloom.stages._input.rows import Row, RowOrigin


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFormat:
    """How rows of one format become documents.

    `columns` are the dotted paths of the fields that are read, and `provides` is what documents may hold. `matches` tells whether
    rows with these fields (dotted paths, those of structs in lists, too) have the format, and `fits` whether they can be read as
    such if the recipe names it; without it, what matches. `to_document` converts a row; its id is
    given later. It raises DocumentError if the row does not have the format. With `group_by`, rows that follow each other with
    the same value of this column are one document: `to_document` gets them as the field `rows`. With `names_files` an image that
    is no URL is a file, and dropped if that is not there.
    """

    columns: tuple[str, ...]
    provides: tuple[Content, ...]
    matches: Callable[[Collection[str]], bool]
    to_document: Callable[[Row, RowOrigin], Document]
    group_by: str = ""
    names_files: bool = False
    fits: Callable[[Collection[str]], bool] | None = None

    @property
    def used(self) -> frozenset[str]:
        """The names of the columns that are read, with those of the structs around them."""
        return frozenset(self.columns) | {path.partition(".")[0] for path in self.columns}
