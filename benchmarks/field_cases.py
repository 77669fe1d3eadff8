"""Public reports of the field rebuilt in small, `data/10_field` of the shared data: whether each right result comes out.

usage: python -m benchmarks field_cases [--shared ../shared] [--only 01 34 ...]

A line for each case. It is right if what `expected.md` says came out; else the line has what did, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

import interloom
from interloom.jobs.notebook import Opened
from interloom.schemas.document import Document, Media, Source, Text
from interloom.stages.extract_html import ExtractHtml
from interloom.stages.transcribe_speech.subtitles.cues import parse
from interloom.stages.transcribe_speech.subtitles.rolling import spoken_words

URL = "https://meadow.example/2024/bees.html"
Step = str | tuple[str, Mapping[str, Any]]


def page(case: Path) -> list[str]:
    """The texts of a page, with captions, and the URLs of its pictures, in order."""
    body = (case / "input.html").read_bytes()
    *_, doc = ExtractHtml().process([Document(id="page", source=Source(url=URL), body=body)])
    assert isinstance(doc, Document)
    return [part.text if isinstance(part, Text) else part.url for part in doc.elements if isinstance(part, Text | Media)]


def run(case: Path, source: str, *steps: Step) -> Opened:
    """A run over the inputs of a case, without the `input.` that stands before the names of several."""
    folder = Path(tempfile.mkdtemp(dir=case.parent))
    for file in case.glob("input*"):
        names = file.name.split(".")
        is_single = len(names) == 2 or file.name.endswith(".warc.gz")
        (folder / "in").mkdir(exist_ok=True)
        shutil.copy(file, folder / "in" / (file.name if is_single else ".".join(names[1:])))
    lines = [(f"stages.{source}", {"paths": str(folder / "in")}), *steps, "stages.write_parquet"]
    recipe = [{"use": line} if isinstance(line, str) else {"use": line[0], "with": dict(line[1])} for line in lines]
    (folder / "recipe.yaml").write_text(yaml.safe_dump({"name": "case", "run": str(folder / "run"), "steps": recipe}))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return interloom.run(folder / "recipe.yaml", runner="local")


def documents(opened: Opened) -> list[dict[str, Any]]:
    return list(opened.documents().to_pylist())


def texts(opened: Opened) -> list[str]:
    """The texts of all documents in order."""
    return [text for row in documents(opened) for text in row["texts"] if text]


def elements(opened: Opened, kind: str) -> list[dict[str, Any]]:
    """The elements of a kind of all documents in order."""
    return [element for row in documents(opened) for element in row["elements"] if element["kind"] == kind]


def reasons(opened: Opened) -> list[str]:
    """Why something was dropped or quarantined, in the order of the table."""
    return [str(row["reason"]) for row in opened.decisions().to_pylist()]


def images(case: Path) -> list[str]:
    return [part for part in page(case) if part.startswith("http")]


def archive(case: Path) -> list[list[str]]:
    """The texts of each document of a WARC."""
    return [[text for text in row["texts"] if text] for row in documents(run(case, "read_warc", "stages.extract_html"))]


def kept(case: Path, *steps: Step) -> list[str]:
    """The ids in the input of the rows that a step keeps."""
    rows = documents(run(case, "read_documents", *steps))
    return sorted(label["value"] for row in rows for label in row["labels"] if label["name"] == "source_id")


def art(case: Path) -> list[str]:
    steps = ("stages.decode_images", ("stages.dedup_image", {"key": "phash"}))
    return [element["phash"] for element in elements(run(case, "read_images", *steps), "image")]


def opted_out(case: Path) -> tuple[list[str], list[str]]:
    """The pictures that are left after a fetch from the crawl, and the reasons of the others."""
    fetch = ("stages.fetch_images", {"sources": ["crawl"]})
    opened = run(case, "read_warc", "stages.extract_html", fetch)
    return [element["url"] for element in elements(opened, "image")], reasons(opened)


def speech(case: Path) -> dict[str, str]:
    """By the name of each video: its speech as subtitles tell it."""
    rows = documents(run(case, "read_video", "stages.transcribe_speech"))
    return {Path(row["source"]["path"]).name: " ".join(text for text in row["texts"] if text) for row in rows}


def subtitles(case: Path) -> list[str]:
    return [
        "".join(w.text for w in spoken_words(parse(file.read_bytes()))).strip() for file in sorted(case.glob("input*.[sv][rt]t"))
    ]


def keyframes(case: Path) -> list[float]:
    return [round(e["start_s"], 1) for e in elements(run(case, "read_video", "stages.extract_keyframes"), "image")]


def length(case: Path) -> list[float]:
    return [round(element["end_s"] - element["start_s"]) for element in elements(run(case, "read_video"), "clip")]


def tar(case: Path) -> tuple[int, list[str]]:
    opened = run(case, "read_html", "stages.extract_html")
    return len(documents(opened)), reasons(opened)


def hyphens(case: Path) -> tuple[int, int, bool]:
    """How many of the pair each of two steps keeps, and whether the page's text has a soft hyphen."""
    steps = ("stages.dedup_exact", "stages.dedup_minhash")
    exact, near = (len(kept(case, step)) for step in steps)
    return exact, near, any("\u00ad" in part for part in page(case))


def holds(*wanted: str) -> Callable[[Any], bool]:
    """A check that all of these are somewhere in what came out."""
    return lambda out: all(any(text in part for part in _strings(out)) for text in wanted)


def lacks(*unwanted: str) -> Callable[[Any], bool]:
    return lambda out: not any(text in part for part in _strings(out) for text in unwanted)


def both(*checks: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda out: all(check(out) for check in checks)


def equals(value: Any) -> Callable[[Any], bool]:
    return lambda out: bool(out == value)


def _strings(out: Any) -> list[str]:
    return [out] if isinstance(out, str) else [text for part in out for text in _strings(part)]


CODE = ("    if raw < 0:\n        return None\n    return raw * 0.01", "def load(raw):\n    if raw < 0:\n        return None")
GOPHER = ("filters.gopher_quality", {"stop_words_at_least": 0})
EVENING = (
    "The keeper had shut the hive and gone home before dark. It was a mild evening in the month of October. Nobody came by that "
    "night, and nothing stirred in the shed. In the morning the scouts flew out, circled twice and came back."
)
CASES: Mapping[str, tuple[Callable[[Path], Any], Callable[[Any], bool]]] = {
    "01-lazy-class": (page, holds("https://meadow.example/img/hive-in-snow.jpg", "A hive under snow")),
    "03-thumbnail-and-full": (images, equals(["https://cdn.example/max/800/0*9l.jpeg"])),
    "04-noscript-srcset": (images, equals(["https://m.example/max/1374/1*Jn.png"])),
    "05-src-beaten-by-data": (images, equals([f"https://meadow.example/img/{name}.jpg" for name in ("hive", "comb")])),
    "06-katex": (page, holds("The heat of the cluster grows as Q = k r^2 while its surface loses less.")),
    "08-ruby": (page, holds("その言葉は冬の蜂について書かれたものです。")),
    "10-heading-permalink-before": (page, both(holds("Guarding the entrance", "Feeding in the cold"), lacks("#"))),
    "13-code": (page, holds(*CODE)),
    "14-utf8-one-bad-byte": (page, both(holds("Im Winter rücken die Bienen"), lacks("Ã"))),
    "16-big5": (page, both(holds("裏", "嘅", "啲"), lacks("\ufffd"))),
    "19-encoding-lie-bom": (archive, lambda out: len(out) == 2),
    "21-chunk-endings": (archive, lambda out: len(out) == 4 and all(texts == out[0] for texts in out)),
    "23-transparent-art": (art, lambda out: len(set(out)) == 3),
    "25-image-optout-in-crawl": (opted_out, equals((["http://bees.example/i/plain.png"], ["opted_out"]))),
    "28-soft-hyphen-pair": (hyphens, equals((1, 1, False))),
    "30-korean-words": (lambda case: kept(case, GOPHER), equals(["ko"])),
    "32-short-texts": (lambda case: kept(case, "stages.dedup_minhash"), lambda out: len(out) == 4 and "short-cat2" not in out),
    "34-two-line-cues": (lambda case: list(speech(case).values()), equals([EVENING])),
    "36-srt-blank-line-in-cue": (subtitles, equals(["He had shut the hive. Or was it the shed? It was the hive."])),
    "38-vtt-marks": (subtitles, equals(["so the bees are asleep", "Good morning, keepers. Good morning."])),
    "39-vfr-one-frame-a-slide": (keyframes, lambda out: len(out) == 4 and all(abs(s - 6 * n) <= 1 for n, s in enumerate(out))),
    "41-mkv-starts-late": (length, equals([24])),
    "44-dotted-neighbour": (speech, lambda out: bool(out["lesson.2.mp4"]) and not out["lesson.mp4"]),
    "46-tar-names": (tar, equals((8, ["not_html"] * 3))),
    "48-field-case-length": (archive, lambda out: len(out) == 1 and len(out[0]) > 0),
    "50-meta-after-8k": (page, both(holds("Зимой"), lacks("ď÷"))),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--only", nargs="*", default=())
    given = parser.parse_args()
    data = given.shared / "data" / "10_field"
    if not data.exists():
        raise FileNotFoundError(f"{data}: no cases here")
    wrong: Sequence[str] = []
    for name, (what, is_right) in CASES.items():
        if given.only and name.partition("-")[0] not in given.only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(data / name, Path(folder) / name)
            out = what(Path(folder) / name)
        wrong = [*wrong, *([] if is_right(out) else [name])]
        print(f"{name:28} {'right' if is_right(out) else f'WRONG: {out}'}"[:500], flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
