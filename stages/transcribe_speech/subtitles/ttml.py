"""The cues of TTML, also called DFXP: XML with times as clocks, offsets, frames or ticks, counted from those of the parent."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from interloom.stages.transcribe_speech.subtitles.raw_cue import RawCue, clock_stamp, in_language

_HEAD_CHARS = 1 << 16
"""A file is told by so much of it; our choice."""
_ROOT = re.compile(r"<(?:[\w.-]{1,50}:)?tt[\s>]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_REFERENCE = re.compile(r"&(#?\w{1,40};)?")
_XML_REFERENCE = re.compile(r"#\w+;|(?:amp|lt|gt|quot|apos);")
_CLOCK = re.compile(r"^(?:(\d{1,6}):)?(\d{1,3}):(\d{1,3})(?:[.,](\d{1,9})|[:;](\d{1,4})(?:\.\d{1,4})?)?$")
_OFFSET = re.compile(r"^(\d{1,18}(?:\.\d{1,9})?)(h|m|s|ms|f|t|)$")
_NUMBER = re.compile(r"^\d{1,9}(?:\.\d{1,9})?$")
_SILENT = frozenset({"metadata", "desc", "title", "agent", "name", "head"})
_RUBY = frozenset({"text", "textContainer", "delimiter"})
"""Roles of what stands beside characters and says how they are read."""
_STAMP = re.compile(r"<[\d:.]+>")
_FRAMES_A_SECOND = 30.0
"""The default of TTML (section 7.2.5)."""


@dataclass(frozen=True, slots=True)
class _Rates:
    """Frames and ticks a second."""

    frames: float = _FRAMES_A_SECOND
    ticks: float = 1.0


@dataclass(slots=True)
class _Element:
    """An element that is being read: its times in seconds (an end of 0 is unknown), and the lines that it collects."""

    start_s: float = 0.0
    end_s: float = 0.0
    language: str = ""
    has_times: bool = False
    """Its own, or those of an element around it."""
    is_timed: bool = False
    is_silent: bool = False
    lines: list[str] = field(default_factory=list)
    """Empty if the text belongs to an element around it."""

    def cue(self) -> RawCue | None:
        """What the element says; None if it says nothing, or nobody knows when. In a line without stamps the last one counts."""
        lines, stamp = list[str](), clock_stamp(self.start_s)
        is_stamped = any(map(_STAMP.search, self.lines))
        for line in self.lines:
            text = " ".join(line.split())
            stamps = _STAMP.findall(text)
            lines.append(f"{stamp}{text}" if is_stamped and not stamps else text)
            stamp = stamps[-1] if stamps else stamp
        return RawCue(self.start_s, self.end_s, lines, self.language) if self.has_times and any(lines) else None


def is_ttml(text: str) -> bool:
    return text.lstrip()[:1] == "<" and bool(_ROOT.search(text, 0, _HEAD_CHARS))


def ttml(text: str, language: str) -> Iterator[RawCue]:
    """Yields the cues in this language, else those in the language that the file has first. Broken XML is read as far as it goes.

    What stands before the root is not read, so that no entities are declared.
    """
    from lxml import etree

    root = _ROOT.search(text)
    known = _REFERENCE.sub(_known_reference, _CONTROL.sub("", text[root.start() if root else 0 :]))
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    tree = etree.fromstring(known.encode("utf-8", "replace"), parser)
    tracks: dict[str, list[RawCue]] = {}
    for cue in _cues(tree) if tree is not None else ():
        tracks.setdefault(cue.language.lower(), []).append(cue)
    yield from in_language(tracks, language)


def _known_reference(reference: re.Match[str]) -> str:
    """A reference that XML knows in place of any: "&lt;", "&nbsp;", "&", "&lol;" -> "&lt;", a hard space, "&amp;", ""."""
    name = reference[1] or ""
    if not name:
        return "&amp;"
    if _XML_REFERENCE.fullmatch(name):
        return reference[0]
    character = html.unescape(reference[0])
    return "" if character == reference[0] else html.escape(character)


def _cues(tree: Any) -> Iterator[RawCue]:
    from lxml import etree

    rates, opened = _rates(_attributes(tree)), [_Element()]
    for event, node in etree.iterwalk(tree, events=("start", "end")):
        if event == "start":
            opened.append(_opened(node, opened, rates))
            _collect(opened, node.text)
            continue
        cue = opened[-1].cue() if opened[-1].lines else None
        opened.pop()
        _collect(opened, node.tail)
        if cue:
            yield cue


def _opened(node: Any, opened: list[_Element], rates: _Rates) -> _Element:
    """The element of a node inside the opened ones. A part of a timed paragraph begins with its time stamp."""
    parent, attributes, name = opened[-1], _attributes(node), _local(node.tag)
    times = {key: seconds for key in ("begin", "end", "dur") if (seconds := _seconds(attributes.get(key, ""), rates)) is not None}
    start_s = parent.start_s + times.get("begin", 0.0)
    ends = [parent.start_s + times["end"] if "end" in times else 0.0, start_s + times.get("dur", 0.0), parent.end_s]
    element = _Element(
        start_s=start_s,
        end_s=min((end for end in ends if end > start_s), default=0.0),
        language=attributes.get("lang", parent.language),
        has_times=parent.has_times or bool(times),
        is_timed=bool(times),
        is_silent=parent.is_silent or name in _SILENT or attributes.get("ruby") in _RUBY,
    )
    around = _collector(opened)
    if name == "p" or (name == "span" and times and around and not around.is_timed):
        element.lines.append("")
    elif around and name == "br":
        around.lines.append("")
    elif around and name == "span" and "begin" in times and not element.is_silent:
        around.lines[-1] += clock_stamp(start_s)
    return element


def _collector(opened: list[_Element]) -> _Element | None:
    """The innermost element that collects text."""
    return next((element for element in reversed(opened) if element.lines), None)


def _collect(opened: list[_Element], text: str | None) -> None:
    collector = _collector(opened)
    if collector and text and not opened[-1].is_silent:
        collector.lines[-1] += html.escape(text, quote=False)


def _seconds(time: str, rates: _Rates) -> float | None:
    """A time in seconds, None if it is none: "0:01:02.5", "00:00:01:15", "1500ms", "36f", "7" -> 62.5, 1.5, 1.5, 1.2, 7.0."""
    if clock := _CLOCK.match(time.strip()):
        whole = int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + int(clock[3])
        return whole + float(f"0.{clock[4] or 0}") + int(clock[5] or 0) / rates.frames
    if offset := _OFFSET.match(time.strip()):
        unit = {"h": 3600.0, "m": 60.0, "ms": 0.001, "f": 1 / rates.frames, "t": 1 / rates.ticks}.get(offset[2], 1.0)
        return float(offset[1]) * unit
    return None


def _rates(attributes: Mapping[str, str]) -> _Rates:
    """The rates that the root states: frameRate 24 and frameRateMultiplier "1000 1001" -> 23.976 frames a second."""
    frames = _number(attributes.get("frameRate", "")) or _FRAMES_A_SECOND
    factor = [_number(part) for part in re.split(r"[\s:]+", attributes.get("frameRateMultiplier", "").strip())]
    if len(factor) == 2 and all(factor):
        frames *= factor[0] / factor[1]
    sub_frames = _number(attributes.get("subFrameRate", "")) or 1.0
    ticks = _number(attributes.get("tickRate", "")) or (frames * sub_frames if "frameRate" in attributes else 1.0)
    return _Rates(frames, ticks)


def _number(text: str) -> float:
    return float(text) if _NUMBER.match(text) else 0.0


def _attributes(node: Any) -> dict[str, str]:
    """The attributes by names without namespaces: {"{http://www.w3.org/ns/ttml#styling}ruby": "base"} -> {"ruby": "base"}."""
    return {_local(name): value for name, value in node.attrib.items()}


def _local(tag: object) -> str:
    """A name without its namespace; "" of what is no element: "{http://www.w3.org/ns/ttml}p", "tt:p" -> "p"."""
    return re.split(r"[}:]", tag)[-1] if isinstance(tag, str) else ""
