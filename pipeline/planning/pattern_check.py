"""Checks that patterns of paths, by which a step tells documents apart, fit what the sources above it read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice
from typing import Any

from interloom.pipeline.errors import Failure, guarded
from interloom.pipeline.planning.graph import Graph
from interloom.pipeline.planning.plugins import Plugin
from interloom.pipeline.planning.recipe import Problems
from interloom.pipeline.stage import Source, Split
from interloom.pipeline.store import storage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome

_TRIED_FILES = 16
"""So many files of a source are opened. Our choice."""
_TRIED_DOCUMENTS = 4
"""So many outcomes of a file are read to find a document. Our choice."""
_SHOWN = 3


def check_patterns(
    plugins: Sequence[Plugin | None], parameters: Sequence[Mapping[str, Any] | None], connected: Graph, problems: Problems
) -> None:
    """Finds steps with `path_patterns` of which none fits the path of a file of the sources above, or, because a file may tell
    other paths for its documents, of the first document of one of the first files. What is not local is not read, and fits."""
    for n, (plugin, values) in enumerate(zip(plugins, parameters, strict=True)):
        if plugin is None or values is None or not plugin.kind.path_patterns:
            continue
        name = plugin.kind.path_patterns
        paths = _paths(_above(connected, n), plugins, parameters)
        seen = list[str]()
        for path in paths:
            if path is None or any(fnmatchcase(path, pattern) for pattern in values[name]):
                break
            seen.append(path)
        else:
            shown = ", ".join(list(dict.fromkeys(seen))[:_SHOWN])
            message = f"no pattern fits a path of the sources above; theirs are like {shown}"
            problems.add(("steps", n, "with", name), f"{plugin.use}: {name}: {message}")


def _above(connected: Graph, n: int) -> list[int]:
    """The numbers of the steps above one."""
    waiting, seen = list(connected.nodes[n].inputs), dict[int, None]()
    while waiting:
        number = connected.index(waiting.pop())
        if number not in seen:
            seen[number] = None
            waiting += connected.nodes[number].inputs
    return sorted(seen)


def _paths(
    numbers: Sequence[int], plugins: Sequence[Plugin | None], parameters: Sequence[Mapping[str, Any] | None]
) -> Iterator[str | None]:
    """The paths of the files of these sources, then those that the first documents of files tell; None where nobody knows."""
    sources = list[Source]()
    for number in numbers:
        plugin, values = plugins[number], parameters[number]
        if plugin is None or values is None:
            yield None
        elif issubclass(plugin.kind, Source):
            source = plugin.build(values)
            assert isinstance(source, Source)
            if _is_remote(values.get("paths")) or source.isolated or [*source.check()]:
                yield None
            sources.append(source)
    for source in sources:
        yield from (split.path for split in source.splits())
    for source in sorted(sources, key=lambda source: len(source.splits())):
        for split in source.splits()[:_TRIED_FILES]:
            yield from _told(guarded(partial(_first_outcomes, source, split)))


def _is_remote(paths: Any) -> bool:
    return any(storage.is_remote(str(path)) for path in ([paths] if isinstance(paths, str) else paths or [""]))


def _first_outcomes(source: Source, split: Split) -> list[Outcome]:
    return list(islice(source.read(split), _TRIED_DOCUMENTS))


def _told(outcomes: Sequence[Outcome] | Failure) -> Iterator[str | None]:
    if isinstance(outcomes, Failure):
        yield None
        return
    yield from (outcome.source.path for outcome in outcomes if isinstance(outcome, Document))
