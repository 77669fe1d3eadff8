"""Makes a filter of a function: `@document_filter`, `@image_filter`, `@text_filter`.

The function gets what it judges and its parameters (keyword-only, with defaults) and returns the `Drop`, or None to keep:

    @image_filter
    def aspect_ratio(image: Image, *, longest: float = 2.0) -> Drop | None:
        ...

A filter may say what it cannot judge without: `@image_filter(needs=[IMAGE_SIZE])`; a recipe in which no step above provides it is
refused. The decorator says the level and lifts the function to a Stage in one place (`LiftedFilter`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from interloom.pipeline.contents import Content, Need
from interloom.pipeline.stage import Level, Stage
from interloom.schemas.document import Document, Element, Image, Text
from interloom.schemas.outcome import Drop, Dropped, Outcome

Judge = Callable[..., Drop | None]


@dataclass(frozen=True, slots=True)
class Filter:
    """A judging function and the level it judges at. Calling the filter calls the function."""

    judge: Judge
    level: Level
    needs: tuple[Need, ...] = ()

    @property
    def __name__(self) -> str:
        return self.judge.__name__

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        return self.judge.__doc__

    def __call__(self, judged: object, **parameters: Any) -> Drop | None:
        return self.judge(judged, **parameters)

    def with_parameters(self, parameters: Mapping[str, Any]) -> LiftedFilter:
        return LiftedFilter(self, dict(parameters))


@overload
def document_filter(judge: Judge) -> Filter: ...
@overload
def document_filter(*, needs: Iterable[Need]) -> Callable[[Judge], Filter]: ...
def document_filter(judge: Judge | None = None, *, needs: Iterable[Need] = ()) -> Filter | Callable[[Judge], Filter]:
    """The function gets the whole document; a Drop drops it."""
    return _filter("document", judge, needs)


@overload
def image_filter(judge: Judge) -> Filter: ...
@overload
def image_filter(*, needs: Iterable[Need]) -> Callable[[Judge], Filter]: ...
def image_filter(judge: Judge | None = None, *, needs: Iterable[Need] = ()) -> Filter | Callable[[Judge], Filter]:
    """The function gets one Image; a Drop drops that image and its captions."""
    return _filter("image", judge, needs)


@overload
def text_filter(judge: Judge) -> Filter: ...
@overload
def text_filter(*, needs: Iterable[Need]) -> Callable[[Judge], Filter]: ...
def text_filter(judge: Judge | None = None, *, needs: Iterable[Need] = ()) -> Filter | Callable[[Judge], Filter]:
    """The function gets one Text; a Drop drops that block of text."""
    return _filter("text", judge, needs)


def _filter(level: Level, judge: Judge | None, needs: Iterable[Need]) -> Filter | Callable[[Judge], Filter]:
    def made(judge: Judge) -> Filter:
        return Filter(judge, level, tuple(needs))

    return made if judge is None else made(judge)


_KIND: Mapping[str, type[Element]] = {"image": Image, "text": Text}


class LiftedFilter(Stage):
    """A filter as a Stage."""

    def __init__(self, filter_: Filter, parameters: dict[str, Any]) -> None:
        self.filter, self.parameters = filter_, parameters
        self.level = filter_.level  # type: ignore[misc]

    def needs(self) -> Iterable[Need]:
        return self.filter.needs

    def provides(self) -> Iterable[Content]:
        return ()

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        judge_all = self._document if self.level == "document" else self._elements
        for doc in docs:
            yield from judge_all(doc)

    def _document(self, doc: Document) -> Iterator[Outcome]:
        drop = self.filter(doc, **self.parameters)
        yield doc if drop is None else Dropped(doc.id, drop, url=doc.source.url)

    def _elements(self, doc: Document) -> Iterator[Outcome]:
        gone = []
        for element in doc.elements:
            if not isinstance(element, _KIND[self.level]):
                continue
            drop = self.filter(element, **self.parameters)
            if drop is not None:
                gone.append(element.position)
                yield Dropped(doc.id, drop, element.position, getattr(element, "url", ""))
        yield doc.without(gone) if gone else doc
