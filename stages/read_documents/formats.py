"""The formats of rows by their names, and which of them a row has."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal

import pyarrow as pa

from interloom.pipeline.errors import DocumentError
from interloom.stages._formats.comm.read import FORMAT as COMM
from interloom.stages._formats.data_juicer.read import FORMAT as DATA_JUICER
from interloom.stages._formats.datacomp.read import FORMAT as DATACOMP
from interloom.stages._formats.howtocaption.read import FORMAT as HOWTOCAPTION
from interloom.stages._formats.img2dataset.read import FORMAT as IMG2DATASET
from interloom.stages._formats.mds.read import FORMAT as MDS
from interloom.stages._formats.mint_html.read import FORMAT as MINT_HTML
from interloom.stages._formats.mmc4.read import FORMAT as MMC4
from interloom.stages._formats.mmtrail.read import FORMAT as MMTRAIL
from interloom.stages._formats.names import PublishedName
from interloom.stages._formats.nemo_curator.read import FORMAT as NEMO_CURATOR
from interloom.stages._formats.obelics.read import FORMAT as OBELICS
from interloom.stages._formats.omnicorpus.read import FORMAT as OMNICORPUS
from interloom.stages._formats.openvid.read import FORMAT as OPENVID
from interloom.stages._formats.pin.read import FORMAT as PIN
from interloom.stages._formats.pu_valor.read import FORMAT as PU_VALOR
from interloom.stages._formats.realsyn.read import FORMAT as REALSYN
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._formats.textbook.read import FORMAT as TEXTBOOK
from interloom.stages._input.rows import Row
from interloom.stages.read_documents.named_fields import Field, named_fields
from interloom.stages.read_documents.parquet import leaves
from interloom.stages.read_documents.text_columns import hint

FormatName = Literal[
    "auto",
    "interloom",
    "text",
    PublishedName,
    "comm",
    "openvid",
    "howtocaption",
    "mmtrail",
    "pu_valor",
    "lpm",
]
_MAX_FIELDS_NAMED = 8

FOREIGN: Mapping[str, RowFormat] = {
    "nemo_curator": NEMO_CURATOR,
    "mds": MDS,
    "pin": PIN,
    "mmc4": MMC4,
    "textbook": TEXTBOOK,
    "omnicorpus": OMNICORPUS,
    "mint_html": MINT_HTML,
    "obelics": OBELICS,
    "realsyn": REALSYN,
    "datacomp": DATACOMP,
    "img2dataset": IMG2DATASET,
    "data_juicer": DATA_JUICER,
    "comm": COMM,
    "howtocaption": HOWTOCAPTION,
    "mmtrail": MMTRAIL,
    "pu_valor": PU_VALOR,
    "openvid": OPENVID,
}
"""The published formats in the order in which "auto" tries them."""


def format_of(name: str, names: Mapping[Field, str], fields: Collection[str], rows: Sequence[Row] = ()) -> RowFormat:
    """Returns the format of this name; for "auto", the first that rows with these fields have. With `names` of fields it is the
    format "text".

    Raises DocumentError if they do not have it; some of their `rows` may tell where the text is.
    """
    for other, kind in {**({} if names else FOREIGN), "text": named_fields(names)}.items():
        if name in (other, "auto") and (kind.matches(fields) or (name == other and kind.fits and kind.fits(fields))):
            return kind
    wanted = "of an unknown format" if name == "auto" else f"not of the format {name}"
    there = ", ".join(list(dict.fromkeys(field.partition(".")[0] for field in fields))[:_MAX_FIELDS_NAMED]) or "nothing"
    advice = (
        "; `fields` of stages.read_documents can name the one with the text or the image" if name == "auto" and fields else ""
    )
    raise DocumentError(f"{wanted}; there is {there}{hint(rows) or advice}")


def fields_of_row(row: Row) -> list[str]:
    """Returns the dotted paths of the fields of a row, those of structs in lists, too."""
    return list(dict.fromkeys(_paths(row, "")))


def fields_of_schema(schema: pa.Schema) -> list[str]:
    """Returns the dotted paths of the fields of a table, those of structs in lists, too."""
    paths = dict.fromkeys(field.name for field in schema)
    for field in schema:
        for leaf in leaves(field.type, field.name):
            steps = leaf.split(".")
            paths |= dict.fromkeys(".".join(steps[: n + 1]) for n in range(len(steps)))
    return list(paths)


def _paths(row: Row, above: str) -> Iterator[str]:
    for name, value in row.items():
        yield f"{above}{name}"
        inner = next((item for item in value if item is not None), None) if isinstance(value, list) else value
        if isinstance(inner, dict) and not above:
            yield from _paths(inner, f"{name}.")
