"""Samples of MDS as `stages.write_documents` writes them: `id`, `record` (JSON) and `media` (bytes one after the other).

Samples of others are rows whose fields the recipe names; what is in a shard is read by `stages/_input/mds_shards.py`.
"""

from __future__ import annotations

from interloom.pipeline.contents import PARTS
from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import Document
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._input import own_sample
from interloom.stages._input.rows import Row, RowOrigin, mapping_field
from interloom.stages._input.tar_members import TarMember


def to_document(row: Row, origin: RowOrigin) -> Document:
    """Converts a sample to the document that was written. Raises DocumentError if its record is not one of ours."""
    record, media = mapping_field(row, "record"), row.get("media")
    if not own_sample.is_ours(record) or not isinstance(media, bytes):
        raise DocumentError("not a sample that stages.write_documents wrote")
    members = {
        name: TarMember(name, start, size, data=media[start : start + size])
        for name, (start, size) in mapping_field(record, "members").items()
    }
    return own_sample.to_document({name: value for name, value in record.items() if name != "members"}, members)


FORMAT = RowFormat(
    columns=("id", "record", "media"),
    provides=PARTS,
    matches=lambda fields: {"id", "record", "media"} <= set(fields),
    to_document=to_document,
)
