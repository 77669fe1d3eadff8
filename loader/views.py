"""Views of a sample, for `StreamingDocuments(view=...)`: an interleaved document, image-text pairs, text, or video segments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from interloom.loader.pictures import Pictures
from interloom.loader.sample import Sample
from interloom.pipeline.errors import ConfigError

_RUNNING = ("body", "asr")
"""Origins of running text."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a document, in order: a text, or the stored bytes of a picture or clip; with what the record says of it."""

    text: str | None
    data: bytes | None
    facts: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """ "text", "image" or "clip"."""
        return str(self.facts.get("kind", "text" if self.data is None else "image"))


def parts_of(sample: Sample) -> Iterator[Part]:
    """The parts of a sample of any layout, in order; pictures without bytes are left out."""
    record, members = sample.record, sample.members
    if "elements" in record:
        for text, facts in zip(record["texts"], record["elements"], strict=True):
            member = facts.get("member")
            if text is not None or member is not None:
                yield Part(text, members.get(member), facts)
        return
    if "image" in record:
        yield Part(None, members.get(record["image"]["member"]), record["image"])
    if "txt" in members:
        yield Part(members["txt"].decode("utf-8", "replace"), None, {})


@dataclass(frozen=True, slots=True)
class Document:
    """An interleaved document: `parts` are its texts (str) and pictures in order, `record` is all that is stored about it."""

    id: str
    parts: Sequence[Any]
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interleaved:
    """The texts and pictures of a document, in order.

    Parameters:
        pictures: How pictures are given.
    """

    pictures: Pictures = field(default=Pictures())

    def __call__(self, sample: Sample) -> Document:
        """The document. A clip of a video is given as its bytes."""
        return Document(sample.id, [self._shown(part) for part in parts_of(sample)], sample.record)

    def _shown(self, part: Part) -> Any:
        if part.data is None:
            return part.text
        return part.data if part.kind == "clip" else self.pictures(part.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """The pictures of a document, each with its text, as a list of (picture, text).

    The text of a picture is its caption, else its alt text; without either it makes no pair. Of the layout "pairs" it is the
    stored text.

    Parameters:
        pictures: How pictures are given.
        captions: "joined": several captions of a picture are the lines of one text; "each": each different one makes a pair.
            Default "joined".
    """

    pictures: Pictures = field(default=Pictures())
    captions: Literal["joined", "each"] = "joined"

    def __post_init__(self) -> None:
        if self.captions not in ("joined", "each"):
            raise ConfigError(f"pairs: captions is 'joined' or 'each', not {self.captions!r}")

    def __call__(self, sample: Sample) -> list[tuple[Any, str]]:
        """The pairs, in the order of the pictures."""
        parts = list(parts_of(sample))
        if "elements" not in sample.record:
            return [(self.pictures(parts[0].data), str(parts[-1].text))] if parts[0].data is not None else []
        captions: dict[int, list[str]] = {}
        for part in parts:
            if part.text is not None and part.facts.get("of") is not None and part.text.strip():
                captions.setdefault(part.facts["of"], []).append(part.text.strip())
        images = [part for part in parts if part.kind == "image" and part.data is not None]
        pairs = list[tuple[Any, str]]()
        for image in images:
            texts = captions.get(image.facts["position"]) or [image.facts.get("alt", "").strip()]
            texts = ["\n".join(texts)] if self.captions == "joined" else list(dict.fromkeys(texts))
            pairs += [(self.pictures(image.data or b""), text) for text in texts if text]
        return pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The running text of a document; media are not read.

    Parameters:
        between: What stands between two texts.
    """

    between: str = "\n\n"

    def wants(self, suffix: str) -> bool:
        """Only what holds text is read."""
        return suffix in ("json", "txt")

    def __call__(self, sample: Sample) -> str:
        """The text; of a document without running text, such as a scan, all its texts."""
        texts = [part for part in parts_of(sample) if part.text is not None]
        running = [part for part in texts if part.facts.get("origin", "body") in _RUNNING]
        return self.between.join(str(part.text) for part in running or texts)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a video document: a text, picture or the bytes of a clip, from `start_s` to `end_s` (null: without times)."""

    content: Any
    kind: str
    origin: str
    start_s: float | None
    end_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """The parts of a video document with their times: speech, screen text, keyframes and clips.

    Parameters:
        pictures: How keyframes are given; clips are given as bytes.
    """

    pictures: Pictures = field(default=Pictures())

    def __call__(self, sample: Sample) -> list[Segment]:
        """The segments, in the order of the document. A clip without bytes tells its times."""
        record = sample.record
        if "elements" not in record:  # a pair or a running text, without times
            return [self._segment(part.text, {"kind": part.kind, **part.facts}, sample) for part in parts_of(sample)]
        return [self._segment(text, facts, sample) for text, facts in zip(record["texts"], record["elements"], strict=True)]

    def _segment(self, text: str | None, facts: Mapping[str, Any], sample: Sample) -> Segment:
        data = sample.members.get(facts.get("member", ""))
        content = self.pictures(data) if data is not None and facts["kind"] == "image" else data
        times = facts.get("start_s"), facts.get("end_s")
        return Segment(text if text is not None else content, facts["kind"], facts.get("origin", "body"), *times)
