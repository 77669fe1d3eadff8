"""The files that hold rows: which they are, how they are cut, and how their rows are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from interloom.pipeline.stage import Split
from interloom.stages._formats.lpm.read import lectures
from interloom.stages._input.delimited import DELIMITED_ENDINGS, is_delimited, read_delimited
from interloom.stages._input.json_arrays import is_one_value, read_json_values
from interloom.stages._input.json_lines import JSON_ENDINGS, Line, line_splits, read_json_lines
from interloom.stages._input.mds_shards import MDS_ENDINGS, is_mds, read_mds
from interloom.stages._input.own_targets import finished_target
from interloom.stages._input.pickled import PICKLE_ENDINGS, is_pickled, read_pickled
from interloom.stages._input.splits import as_list, whole_files, with_distinct_names

_PARQUET = (".parquet", ".parq")
ENDINGS = (*_PARQUET, *JSON_ENDINGS, *DELIMITED_ENDINGS, *MDS_ENDINGS)
_JSON = (".json", ".json.gz", ".json.zst")
_SLIDES = (".jpg", ".jpeg")
_PICKLED = ("comm", "howtocaption")
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""The name of the folder of rows without a value in the column, in Hive and Spark."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The rows of a file, what their offsets count, and whether their numbers are written as text."""

    lines: Iterator[Line]
    unit: str
    written: bool = False


def is_parquet(path: str) -> bool:
    """Returns whether the file's name ends as one of Parquet."""
    return path.lower().endswith(_PARQUET)


def endings(format_: str) -> tuple[str, ...]:
    """Returns the endings of files that are read in a folder. Pickles are looked for only if the format is one of pickles."""
    if format_ == "lpm":
        return _SLIDES
    return (*ENDINGS, *PICKLE_ENDINGS) if format_ in _PICKLED else ENDINGS


def listed(paths: str | list[str], format_: str = "auto") -> list[Split]:
    """Returns one split per file: of finished runs of ours the shards in the order of the manifest, of others all files but
    Parquet below folders that Spark and pyarrow take for hidden."""
    targets = {path: target for path in as_list(paths) if (target := finished_target(path, endings(format_)))}
    others = whole_files([path for path in as_list(paths) if path not in targets], endings(format_))
    shown = [split for split in others if not (is_parquet(split.path) and _is_hidden(split.name))]
    return with_distinct_names([*(shard for target in targets.values() for shard in target.shards), *shown])


def splits(paths: str | list[str], size_bytes: int, format_: str = "auto") -> list[Split]:
    """Returns the files, of which uncompressed JSON lines are cut into splits of `size_bytes`."""
    if format_ == "lpm":
        return lectures(listed(paths, format_))
    pieces: list[Split] = []
    for file in listed(paths, format_):
        is_whole = file.path.lower().endswith(_JSON) and is_one_value(file.path)
        pieces += [file] if is_whole else line_splits([file], size_bytes)
    return pieces


def reading_of(split: Split, max_line_bytes: int) -> Reading:
    """Returns how the rows of a file other than Parquet are read."""
    if is_pickled(split.path):
        return Reading(read_pickled(split), "row")
    if is_mds(split.path):
        return Reading(read_mds(split, max_line_bytes), "row")
    if is_delimited(split.path):
        return Reading(read_delimited(split, max_line_bytes), "row", written=True)
    if split.start == 0 and split.path.lower().endswith(_JSON) and is_one_value(split.path):
        return Reading(read_json_values(split, max_line_bytes), "row")
    return Reading(read_json_lines(split, max_line_bytes), "byte")


def partition_labels(split: Split) -> dict[str, str]:
    """Returns the labels that the folders of a file say, as Hive and Spark write them: "lang=de/part-0.parquet" -> {lang: de}."""
    pairs = (folder.partition("=") for folder in split.name.split("/")[:-1])
    return {unquote(name): unquote(value) for name, equals, value in pairs if equals and name and value not in ("", _NO_VALUE)}


def _is_hidden(name: str) -> bool:
    return any(part.startswith(("_", ".")) and "=" not in part for part in name.split("/"))
