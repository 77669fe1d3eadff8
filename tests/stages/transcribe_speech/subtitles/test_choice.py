"""Of a sidecar with several languages the spoken one is taken; a language that only the file states counts as one in its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from interloom.schemas.document import Document
from interloom.stages._video.probe import Probe
from interloom.stages.transcribe_speech.subtitles.choice import Requirements, Subtitles, choose_subtitles

SAMI = (
    "<SYNC Start=0><P Class=KRCC>배가 떠났다<P Class=ENCC>The ferry had left.\n"
    "<SYNC Start=4000><P Class=KRCC>열 시에<P Class=ENCC>At ten.\n"
)


def chosen(folder: Path, text: str, required: str, *, fps: float = 0.0, **labels: str) -> Subtitles | str:
    sidecar = folder / "talk.smi"
    sidecar.write_text(text)
    probe = Probe(format="mp4", duration_s=8.0, declared_s=8.0, fps=fps)
    doc = Document(id="talk").with_labels(subtitles=str(sidecar), subtitle_kind="manual", **labels)
    return choose_subtitles(doc, "talk.mp4", probe, ("manual",), Requirements(5.0, required))


def said(subtitles: Subtitles | str) -> str:
    assert isinstance(subtitles, Subtitles)
    return "".join(word.text for word in subtitles.words).strip()


@pytest.mark.parametrize(
    ("language", "labels", "wanted"),
    [
        ("en", {}, "The ferry had left. At ten."),
        ("ko", {}, "배가 떠났다 열 시에"),
        ("", {"language": "en"}, "The ferry had left. At ten."),
        ("", {"subtitle_language": "en"}, "The ferry had left. At ten."),
        ("", {}, "배가 떠났다 열 시에"),
    ],
)
def test_the_spoken_language_is_taken(tmp_path: Path, language: str, labels: dict[str, str], wanted: str) -> None:
    assert said(chosen(tmp_path, SAMI, language, **labels)) == wanted


def test_a_file_that_states_another_language_is_a_translation(tmp_path: Path) -> None:
    assert chosen(tmp_path, SAMI, "fr") == "manual: a translation: in ko, not fr"


def test_the_language_in_the_name_counts_more_than_that_in_the_file(tmp_path: Path) -> None:
    assert said(chosen(tmp_path, SAMI, "fr", subtitle_language="fr")) == "배가 떠났다 열 시에"


def test_frames_are_those_of_the_video(tmp_path: Path) -> None:
    subtitles = chosen(tmp_path, "{50}{100}The ferry had left.\n", "en", fps=50.0)
    assert isinstance(subtitles, Subtitles)
    assert (subtitles.words[0].start_s, subtitles.words[-1].end_s) == (1.0, 2.0)
