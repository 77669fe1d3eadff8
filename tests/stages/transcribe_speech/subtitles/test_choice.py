"""Of a sidecar with several languages the spoken one is taken; a language that only the file states counts as one in its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from interloom.schemas.document import Document
from interloom.stages._video.probe import Probe, Track
from interloom.stages.transcribe_speech.subtitles.choice import Requirements, Subtitles, choose_subtitles, choose_track

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


def test_of_several_files_the_one_in_the_spoken_language_is_read(tmp_path: Path) -> None:
    for language, words in {"de": "Die Fähre war fort.", "en": "The ferry had left.", "fr": "Le bac était parti."}.items():
        (tmp_path / f"the talk.{language}.srt").write_text(f"1\n00:00:01,000 --> 00:00:03,000\n{words}\n")
    others = f"manual en {tmp_path / 'the talk.en.srt'}\nautomatic fr {tmp_path / 'the talk.fr.srt'}"
    first = {"subtitles": str(tmp_path / "the talk.de.srt"), "subtitle_kind": "manual", "subtitle_language": "de"}
    doc = Document(id="talk").with_labels(**first, other_subtitles=others)
    probe = Probe(format="mp4", duration_s=8.0, declared_s=8.0)

    def read(language: str) -> Subtitles | str:
        return choose_subtitles(doc, "talk.mp4", probe, ("manual", "automatic"), Requirements(5.0, language))

    english, french = read("en"), read("fr")
    assert isinstance(english, Subtitles) and isinstance(french, Subtitles)
    assert (said(english), english.path, english.language) == ("The ferry had left.", str(tmp_path / "the talk.en.srt"), "en")
    assert (said(french), french.kind) == ("Le bac était parti.", "automatic")
    assert (
        read("it")
        == "manual: a translation: in de, not it; manual: a translation: in en, not it; automatic: a translation: in fr, not it"
    )


def test_a_track_of_all_speech_goes_before_a_forced_default() -> None:
    forced = Track(index=2, codec="subrip", language="eng", is_default=True, is_partial=True)
    full = Track(index=3, codec="subrip", language="eng")
    assert choose_track([forced, full], "en") == choose_track([forced, full], "") == full
    assert choose_track([forced], "en") == forced


def test_speech_ends_with_the_video(tmp_path: Path) -> None:
    subtitles = chosen(tmp_path, "1\n00:00:01,000 --> 00:01:40,000\nThe ferry had left.\n", "en")
    assert isinstance(subtitles, Subtitles) and subtitles.words[-1].end_s == 8.0
