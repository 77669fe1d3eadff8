"""Lecture videos from end to end: when each slide was shown, what was said with it, and what it says.

usage: python -m benchmarks lectures [--shared ../shared] [--decks NAME ...] [--seconds 400] [--start 0]
                                     [--speaker without|with|both] [--misses]

Videos are rendered by `eval/render_lecture.py` (it needs pypdfium2) from real decks and from people's labels of which slide was
on the screen during each sentence; between slides, and with `--speaker` also in a corner of them, something moves. The steps are
those of `jobs/lectures.yaml` from `read_video` to `talks`, with its values; speech comes from subtitles, so no model is needed.

* slide changes: keyframes that were kept, against the starts of slides, each within 1 s, the start of the video left out. What
  was kept of a scene without a slide counts as wrong.
* told: share of the scenes without a slide of which nothing was kept, and during which for the most part no slide is claimed.
* thrown: share of the times a slide was shown at which its keyframes were found, and all taken for a moving scene.
* sentences: share of those said to a slide that are with a keyframe of that slide: by `interleave_video` (the clock), and by
  `align_slides` (words, where the clock knows nothing).
* screen text: of the first keyframe of each slide that has a text layer (see `screen_text`, also for what its gold lacks):
  character error rate, the same with words sorted, share of words read. A slide whose text repeats the last one's has none.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from benchmarks.keyframes import matched
from benchmarks.screen_text import errors, unordered_errors, words_found
from interloom.pipeline.planning import plugins
from interloom.schemas.document import Document, Image, Text
from interloom.stages._video.timeline import Screen

RECIPE = Path(__file__).parents[1] / "jobs" / "lectures.yaml"
WITHIN_S = 1.0
FEWEST_LETTERS = 40
"""A page with fewer in its text layer is a picture."""

Counts = Counter[str]


@dataclass(frozen=True, slots=True)
class Shown:
    """A slide on the screen, or with a number below 1 something else."""

    slide: int
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Gold:
    """What was shown, without gaps and in time of whole frames; the sentences with their slides; text layers by slide."""

    fps: int
    shown: Sequence[Shown]
    sentences: Sequence[Mapping[str, Any]]
    layers: Mapping[int, str]

    @classmethod
    def of(cls, file: Path) -> Gold:
        gold = json.loads(file.read_text())
        fps = gold["fps"]
        shown = [
            Shown(entry["slide"], *(round(entry[end] * fps) / fps for end in ("start_s", "end_s"))) for entry in gold["shown"]
        ]
        return cls(fps, shown, gold["sentences"], {int(slide): text for slide, text in gold["ocr"].items()})

    def at(self, time_s: float) -> Shown:
        starts = [slide.start_s for slide in self.shown]
        return self.shown[max(0, bisect_right(starts, time_s + 0.5 / self.fps) - 1)]

    def pictured(self, image: Image) -> Shown:
        """What the picture of a keyframe was taken of."""
        return self.at(image.scores["frame_s"])


@dataclass(frozen=True, slots=True)
class Lecture:
    """What the steps made of a video: its keyframes, those that were kept, and the elements of all its pieces."""

    found: Sequence[Image]
    kept: Sequence[Image]
    texts: Sequence[Text]


def render(shared: Path, deck: Path, to: Path, options: Sequence[str]) -> None:
    command = [sys.executable, str(shared / "eval" / "render_lecture.py"), str(deck), str(to), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def steps(video: Path) -> Iterator[tuple[str, Any]]:
    """The steps of the recipe up to the interleaved talk, by name."""
    changed = {"read_video": {"paths": str(video)}, "transcribe_speech": {"model": None}}
    for line in yaml.safe_load(RECIPE.read_text())["steps"]:
        name = line["use"].rpartition(".")[2]
        yield name, plugins.step(line["use"], json.dumps(line.get("with", {}) | changed.get(name, {})))
        if name == "interleave_video":
            return


def lecture(video: Path) -> Lecture:
    (_, source), *others = steps(video)
    docs = [one for split in source.splits() for one in source.read(split) if isinstance(one, Document)]
    images = list[Image]()
    for name, step in others:
        docs = [one for one in step.process(docs) if isinstance(one, Document)]
        if name == "extract_keyframes":
            images = [image for doc in docs for image in doc.images]
    kept = sorted((image for doc in docs for image in doc.images), key=lambda image: image.start_s or 0.0)
    return Lecture(images, kept, [text for doc in docs for text in doc.texts])


def changes(gold: Gold, seen: Lecture) -> Iterator[tuple[str, str]]:
    starts = [image.start_s for image in seen.kept if image.start_s]
    wanted = [shown.start_s for shown in gold.shown if shown.slide > 0 and shown.start_s > 0]
    pairs = matched(starts, wanted, WITHIN_S)
    for time_s in wanted:
        yield "wanted", "" if time_s in pairs else f"no keyframe for slide {gold.at(time_s).slide}, shown at {time_s:.1f} s"
    for time_s in starts:
        yield "found", "" if time_s in pairs.values() else f"keyframe at {time_s:.1f} s, of slide {gold.at(time_s).slide}"


def scenes(gold: Gold, seen: Lecture) -> Iterator[tuple[str, str]]:
    screen, kept = Screen(seen.kept), [gold.pictured(image) for image in seen.kept]
    pictured = [gold.pictured(image) for image in seen.found]
    for shown in gold.shown:
        span = f"{shown.start_s:.1f} to {shown.end_s:.1f} s"
        if shown.slide > 0:
            yield (
                "not_thrown",
                f"slide {shown.slide}, {span}, taken for a scene" if shown in pictured and shown not in kept else "",
            )
        else:
            claimed = shown in kept or screen.during(shown.start_s, shown.end_s)
            yield "told", f"scene, {span}, taken for a slide" if claimed else ""


def sentences(gold: Gold, seen: Lecture) -> Iterator[tuple[str, str]]:
    slide_of = {float(image.position): gold.pictured(image).slide for image in seen.kept}
    spoken = [text for text in seen.texts if text.origin == "asr"]
    for sentence in gold.sentences:
        start_s, end_s = sentence["start_s"], sentence["end_s"]
        if sentence["slide"] < 1 or gold.at((start_s + end_s) / 2).slide != sentence["slide"]:
            continue  # nothing was shown, or for less than a frame
        scores = max(spoken, key=lambda text: _shared(text, start_s, end_s)).scores if spoken else {}
        for count, score in (("by_clock", "keyframe"), ("by_words", "slide")):
            placed = slide_of.get(scores.get(score, -1.0))
            wrong = f"sentence at {start_s:.1f} to {end_s:.1f} s with slide {placed}, not {sentence['slide']}, by `{score}`"
            yield count, "" if placed == sentence["slide"] else wrong


def _shared(text: Text, start_s: float, end_s: float) -> float:
    return min(text.end_s or 0.0, end_s) - max(text.start_s or 0.0, start_s)


def screen_text(gold: Gold, seen: Lecture) -> Counts:
    first = dict[int, Image]()
    for image in seen.kept:
        first.setdefault(gold.pictured(image).slide, image)
    texts = {text.of: text.text for text in seen.texts if text.origin == "ocr"}
    counts = Counts()
    for slide, image in first.items():
        layer, found = gold.layers.get(slide, ""), texts.get(image.position, "")
        if len(layer.strip()) <= FEWEST_LETTERS or (not found and image.scores["ocr_repeats"]):
            continue
        counts["read"] += 1
        for name, measure in (("letters", errors), ("sorted", unordered_errors), ("words", words_found)):
            part, whole = measure(found, layer)
            counts.update({f"{name}_part": part, name: whole})
    return counts


def judged(gold: Gold, seen: Lecture) -> tuple[Counts, list[str]]:
    """`<name>` of how many and `<name>_part` how many, for each figure; and what went wrong, in words."""
    counts, wrong = screen_text(gold, seen), list[str]()
    for measure in (changes, scenes, sentences):
        for name, miss in measure(gold, seen):
            counts.update({name: 1, f"{name}_part": not miss})
            wrong += [miss] if miss else []
    return counts, wrong


HEAD = (
    f"{'':34}{'slide changes within 1 s':^29}{'scenes':>9}{'slides':>13}{'sentences':^24}{'screen text':^29}\n"
    f"{'deck':27}{'speaker':>7}{'P':>7}{'R':>7}{'F1':>7}{'of':>6}{'told':>8}{'of':>5}{'thrown':>7}{'of':>5}"
    f"{'clock':>8}{'words':>8}{'of':>6}{'CER':>8}{'sorted':>8}{'words':>7}{'of':>5}"
)


def row(name: str, speaker: str, counts: Counts) -> str:
    precision, recall, told, stayed, clock, words, wrong, astray, there = (
        counts[f"{column}_part"] / counts[column] if counts[column] else None
        for column in ("found", "wanted", "told", "not_thrown", "by_clock", "by_words", "letters", "sorted", "words")
    )
    claims = counts["wanted"] + counts["found"]
    f1 = 2 * counts["wanted_part"] / claims if claims else None
    return (
        f"{name:27}{speaker:>7}{_cell(precision, 7)}{_cell(recall, 7)}{_cell(f1, 7)}{counts['wanted']:>6}"
        f"{_cell(told, 8)}{counts['told']:>5}{_cell(None if stayed is None else 1 - stayed, 7)}{counts['not_thrown']:>5}"
        f"{_cell(clock, 8)}{_cell(words, 8)}{counts['by_clock']:>6}"
        f"{_cell(wrong, 8)}{_cell(astray, 8)}{_cell(there, 7)}{counts['read']:>5}"
    )


def _cell(share: float | None, width: int) -> str:
    return f"{'-' if share is None else format(share, '.3f'):>{width}}"


def compare(options: argparse.Namespace, decks: Sequence[Path], speaker: str) -> None:
    total = Counts()
    for deck in decks:
        with tempfile.TemporaryDirectory() as folder:
            chosen = ["--start", str(options.start), "--seconds", str(options.seconds)]
            render(options.shared, deck, Path(folder), [*chosen, *(["--speaker"] if speaker == "with" else [])])
            counts, wrong = judged(Gold.of(Path(folder) / "gold.json"), lecture(Path(folder) / "lecture.mp4"))
        total.update(counts)
        print(row(deck.name, speaker, counts), flush=True)
        for miss in wrong if options.misses else ():
            print(f"    {miss}", flush=True)
    print(row("all", speaker, total), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--decks", nargs="*", help="names of folders; all of them when not given")
    parser.add_argument("--start", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, default=400.0, help="of each lecture")
    parser.add_argument("--speaker", choices=("without", "with", "both"), default="both")
    parser.add_argument("--misses", action="store_true", help="also say what went wrong")
    options = parser.parse_args()
    data = options.shared / "data" / "8_interleaved" / "mavils_lectures"
    decks = [file.parent for file in sorted(data.glob("*/slides.pdf")) if (file.parent / "gold_slides.csv").exists()]
    decks = [deck for deck in decks if not options.decks or deck.name in options.decks]
    if not decks or find_spec("pypdfium2") is None:
        print(f"left out: {'pypdfium2 is not installed' if decks else f'no such labelled lectures in {data}'}")
        return
    print(HEAD)
    for speaker in ("without", "with") if options.speaker == "both" else (options.speaker,):
        compare(options, decks, speaker)


if __name__ == "__main__":
    main()
