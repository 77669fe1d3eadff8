"""Reads tar files in the WebDataset format: ours, and those of img2dataset, LAION, DataComp and others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import ClassVar

from interloom.pipeline.contents import (
    IMAGE_BYTES,
    IMAGE_FORMAT,
    IMAGES,
    PARTS,
    TEXT,
    Content,
    labels,
)
from interloom.pipeline.errors import DocumentError, Failure, guarded, until_broken
from interloom.pipeline.ranges import Positive
from interloom.pipeline.stage import Source, Split
from interloom.pipeline.store import storage
from interloom.schemas.document import SOURCE_ID, Document
from interloom.schemas.outcome import Drop, Dropped, Outcome, Quarantined
from interloom.stages._input import own_sample, samples
from interloom.stages._input.contents_of import contents_of
from interloom.stages._input.ids import document_id
from interloom.stages._input.own_targets import finished_target, keeps_ids, target_problems
from interloom.stages._input.rows import RowOrigin
from interloom.stages._input.samples import MEDIA_ENDINGS
from interloom.stages._input.splits import as_list, path_notes, path_problems, whole_files, with_distinct_names
from interloom.stages._input.tar_members import TAR_ENDINGS, TarMember
from interloom.stages.read_webdataset.grouping import Sample, grouped

_SAMPLES_LOOKED_AT = 20
"""Samples of a tar that are looked at before a run. Our choice."""


@dataclass(frozen=True, kw_only=True)
class ReadWebdataset(Source):
    """Reads one document per sample of WebDataset tar files: members that lie together and share their name up to the first dot.

    Samples are grouped by the webdataset library. Pictures and videos become images and clips that refer to the tar, from which
    nothing is copied. A text beside a single picture is its caption, a text alone is running text. Fields of the sample's JSON
    become labels (strings) and scores (numbers), its `url`, `width`, `height` and `sha256` those of the picture; the lists
    `texts` and `images` give an interleaved document. Pickles, arrays and other members are not read.

    Of a folder to which a run of ours has written, the shards of its manifest are read; samples of ours, of each layout, are
    the documents that they were, and keep their ids if the manifest beside their tar names it. Else the id of a document is
    a hash of the tar's name, the sample's key and its place, and the id or key that the JSON gives becomes the label
    `source_id`. A sample with a broken JSON, a text that is not UTF-8 or a repeated member is quarantined, and so is the
    rest of a broken tar. Members that belong to no sample (`no_sample`), and links (`link`), are dropped.

    Parameters:
        paths: Tar files (`.gz`, `.bz2`, `.xz` and `.zst`, too), folders, glob patterns, or patterns like `{00000..00099}.tar`,
            local or `s3://`; one or a list.
        caption: The member or the field of the JSON that holds the text, or a list of captions. Default: the member `txt`, `text`
            or `caption`, else the field `caption` or `text`.
        keep: The other fields of the JSON that become labels and scores; a dot leads into an object. Default: all that are
            neither lists nor objects, without strings of more than 1,000 characters.
        max_member_bytes: Samples with a larger text or JSON, or with a larger picture in a compressed tar, are quarantined.
            Bytes. Default 64 MiB, our choice.
    """

    endings: ClassVar[tuple[str, ...]] = TAR_ENDINGS

    paths: str | list[str]
    caption: str = ""
    keep: list[str] | None = None
    max_member_bytes: Positive = 64 << 20

    def provides(self) -> Iterable[Content]:
        yield from labels(SOURCE_ID)
        yield from (TEXT, IMAGES, IMAGE_BYTES, IMAGE_FORMAT)
        local = [path for path in self._patterns() if not storage.is_remote(path) and "://" not in path]
        if len(local) < len(self._patterns()):
            yield from PARTS
        for path in local[:1]:
            yield from self._held(path)

    def notes(self) -> Iterable[str]:
        others = [path for path in self._patterns() if not finished_target(path, TAR_ENDINGS)]
        return path_notes(others, TAR_ENDINGS, (".json", ".parquet", ".txt", ".csv"))

    def check(self) -> Iterable[str]:
        yield from path_problems(self._patterns(), TAR_ENDINGS)
        yield from target_problems(self._patterns(), TAR_ENDINGS, "stages.read_documents")

    def splits(self) -> Sequence[Split]:
        targets = {path: target for path in self._patterns() if (target := finished_target(path, TAR_ENDINGS))}
        others = whole_files([path for path in self._patterns() if path not in targets], TAR_ENDINGS)
        return with_distinct_names([*(shard for target in targets.values() for shard in target.shards), *others])

    def read(self, split: Split) -> Iterator[Outcome]:
        for outcome in until_broken(self._outcomes(split)):
            if isinstance(outcome, Failure):
                outcome = Quarantined(
                    document_id(split.name, ""), f"broken tar: {outcome.message} ({split.name})", url=split.path
                )
            yield outcome

    def _patterns(self) -> list[str]:
        from braceexpand import braceexpand

        patterns: list[str] = []
        for path in as_list(self.paths):
            try:
                patterns += braceexpand(path) if "{" in path else [path]
            except ValueError:  # braces that are not closed
                patterns.append(path)
        return patterns

    def _outcomes(self, split: Split) -> Iterator[Outcome]:
        """Yields what becomes of each sample. Raises what a broken tar makes the libraries raise."""
        strays: list[TarMember] = []
        for sample in grouped(split.path, MEDIA_ENDINGS, self.max_member_bytes, strays):
            yield from (_stray(split, member) for member in strays)
            strays.clear()
            origin = RowOrigin(split, sample.offset, "byte", keeps_ids(split.path))
            named = guarded(partial(self._document, sample, origin))
            yield origin.quarantined(f"{named.message} ({sample.key})") if isinstance(named, Failure) else named
        yield from (_stray(split, member) for member in strays)

    def _document(self, sample: Sample, origin: RowOrigin) -> Document:
        if sample.error:
            raise DocumentError(sample.error)
        if own_sample.is_flat(sample.members):
            doc = own_sample.from_flat(sample.members)
            return origin.named(doc, doc.id)
        record = samples.record_of(sample.members)
        if own_sample.is_ours(record):
            doc = own_sample.to_document(record, sample.members)
            return origin.named(doc, doc.id)
        doc, given = samples.to_document(sample.members, record, origin, (self.caption, self.keep))
        return replace(origin, keeps_ids=False).named(doc, given or sample.key)  # keys of other formats need not be unique

    def _held(self, path: str) -> Iterator[Content]:
        """Yields what the first samples of a local path hold."""
        for split in replace(self, paths=path).splits()[:1]:
            for outcome in islice(self.read(split), _SAMPLES_LOOKED_AT):
                yield from contents_of(outcome) if isinstance(outcome, Document) else ()


def _stray(split: Split, member: TarMember) -> Dropped:
    return Dropped(document_id(split.name, member.offset), Drop("link" if member.is_link else "no_sample"), url=member.name)
