"""SBV, SubViewer, MicroDVD, LRC, SAMI and TTML as they are written in the wild, cut off, and hostile."""

from __future__ import annotations

import pytest

from interloom.pipeline.errors import DocumentError
from interloom.stages.transcribe_speech.subtitles.cues import parse

SBV = "0:00:01.500,0:00:04.000\n>> ANN: The ferry\n\nhad left\n\n0:00:04.000,0:00:06.250\nat ten.\n"
SUBVIEWER = (
    "[INFORMATION]\n[TITLE]Ferry\n[END INFORMATION]\n[SUBTITLE]\n"
    "00:00:01.50,00:00:04.00\nThe ferry[br]had left\n\n00:00:04.00,00:00:06.25\nat ten.\n"
)
SUBVIEWER_1 = (
    "[TITLE]\nFerry\n[BEGIN]\n[00:00:01]\nThe ferry|had left\n[00:00:04]\n\n[00:00:05]\nat ten.\n[01:00:05]\n[END]\n***\n"
)
MICRODVD = "{1}{1}25\n{25}{50}{y:i}The ferry|/had left\n{50}{}{c:$0000FF}at ten.\n{75}{100}Then\n"
LRC = "[ar:Ann]\n[la:en]\n[offset:+500]\n[00:02.00][00:10.00]Row on\n[00:04.50]<00:04.50>my <00:05.00>boat\n[00:06.50]\n"
SAMI = """<SAMI><HEAD><TITLE>Ferry</TITLE><STYLE TYPE="text/css"><!--
P { margin-left: 8pt; }
.KRCC { Name: Korean; lang: ko-KR; SAMIType: CC; }
.ENCC { Name: English; lang: en-US; SAMIType: CC; }
--></STYLE></HEAD><BODY>
<SYNC Start=1000><P Class=KRCC>배가
떠났다<P Class=ENCC ID=Source>Ann<P Class=ENCC>The ferry<br>had <!-- not --> left
<SYNC Start=2500><P Class=ENCC>&nbsp;
<SYNC Start="4000" ><P Class=KRCC>&nbsp<P Class=ENCC><font color=red>at ten.</font></P></SYNC>
</BODY></SAMI>
"""
TTML = """<?xml version="1.0" encoding="UTF-8"?>
<tt xmlns="http://www.w3.org/ns/ttml" xmlns:tts="http://www.w3.org/ns/ttml#styling" xmlns:ttm="http://www.w3.org/ns/ttml#metadata"
    xmlns:ttp="http://www.w3.org/ns/ttml#parameter" ttp:frameRate="25" ttp:tickRate="1000" xml:lang="en">
<head><metadata><ttm:title>Ferry</ttm:title></metadata><styling><style xml:id="s" tts:color="white"/></styling></head>
<body begin="1s"><div>
<p begin="00:00:00.500" end="00:00:03.000">The <span tts:fontStyle="italic">ferry</span>
   had<br/>left</p>
<p begin="3000t" dur="2s"><metadata><ttm:desc>low</ttm:desc></metadata>at ten.</p>
<p begin="00:00:06:05" end="7.5">Then</p>
</div><div xml:lang="fr"><p begin="0.5s" end="3s">Le bac est parti</p></div></body></tt>
"""


def shown(text: str | bytes, language: str = "", fps: float = 0.0) -> list[tuple[float, float, str]]:
    """Start, end and text of each cue."""
    cues = parse(text if isinstance(text, bytes) else text.encode(), language, fps)
    return [(round(cue.start_s, 3), round(cue.end_s, 3), "".join(word.text for word in cue.words).strip()) for cue in cues]


@pytest.mark.parametrize(
    ("text", "end_s"), [(SBV, 6.25), (SUBVIEWER, 6.25), (SBV.replace("\n", "\r\n"), 6.25)], ids=["sbv", "subviewer", "crlf"]
)
def test_sbv_has_two_times_above_the_lines_of_a_cue(text: str, end_s: float) -> None:
    said = [(start, end, words.removeprefix("ANN: ")) for start, end, words in shown(text)]
    assert said == [(1.5, 4.0, "The ferry had left"), (4.0, end_s, "at ten.")]


def test_subviewer_1_has_a_time_above_what_is_shown_from_then_on() -> None:
    assert shown(SUBVIEWER_1) == [(1.0, 4.0, "The ferry had left"), (5.0, 3605.0, "at ten.")]


def test_a_cue_of_sbv_whose_times_are_cut_off_is_left_out() -> None:
    assert shown(SBV[:-12]) == shown(SBV)[:1]


def test_microdvd_counts_frames_of_the_rate_that_it_states() -> None:
    assert shown(MICRODVD, fps=50.0) == [(1.0, 2.0, "The ferry had left"), (2.0, 3.0, "at ten."), (3.0, 4.0, "Then")]


@pytest.mark.parametrize(("fps", "start_s"), [(50.0, 0.5), (0.0, 1.043)])
def test_microdvd_without_a_rate_counts_frames_of_the_video(fps: float, start_s: float) -> None:
    assert shown(MICRODVD.partition("\n")[2], fps=fps)[0][0] == start_s


def test_lyrics_last_until_the_next_line_and_repeat_where_several_times_stand() -> None:
    assert shown(LRC) == [(1.5, 4.0, "Row on"), (4.0, 6.0, "my boat"), (9.5, 10.0, "Row on")]


def test_words_of_lyrics_have_their_own_times() -> None:
    assert [word.start_s for cue in parse(LRC.encode())[1:2] for word in cue.words] == [4.0, 4.5]


@pytest.mark.parametrize(
    ("language", "wanted"),
    [
        ("en", [(1.0, 2.5, "The ferry had left"), (4.0, 4.5, "at ten.")]),
        ("ko", [(1.0, 4.0, "배가 떠났다")]),
        ("", [(1.0, 4.0, "배가 떠났다")]),
    ],
)
def test_sami_is_read_in_one_language(language: str, wanted: list[tuple[float, float, str]]) -> None:
    assert shown(SAMI, language) == wanted


def test_classes_of_sami_without_a_style_are_told_by_their_names() -> None:
    without_styles = SAMI.replace("lang: ko-KR;", "").replace("lang: en-US;", "")
    assert [cue.language for cue in parse(without_styles.encode(), "en")] == ["en", "en"]


@pytest.mark.parametrize(
    ("language", "wanted"),
    [
        ("", [(1.5, 4.0, "The ferry had left"), (4.0, 6.0, "at ten."), (7.2, 8.5, "Then")]),
        ("fr", [(1.5, 4.0, "Le bac est parti")]),
    ],
)
def test_ttml_has_times_in_those_of_the_elements_around(language: str, wanted: list[tuple[float, float, str]]) -> None:
    assert shown(TTML, language) == wanted


def timed(body: str, attributes: str = 'xmlns="http://www.w3.org/ns/ttml"') -> str:
    return f"<tt {attributes}><body><div>{body}</div></body></tt>"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (timed('<p><span begin="1s" end="2s">a</span><span begin="2s" end="3s">b</span></p>'), [(1, 2, "a"), (2, 3, "b")]),
        (timed('<p begin="1s" end="3s">Tom & Ann &nbsp;&amp; &lt;b&gt;</p>'), [(1, 3, "Tom & Ann & <b>")]),
        (timed('<p begin="1s" end="3s">漢<span ruby="text">かん</span>字</p>'), [(1, 3, "漢字")]),
        (timed('<p begin="1s">open</p><p>never</p>'), [(1, 1.5, "open")]),
        (timed('<p begin="24f" end="48f">a</p>', 'frameRate="24" frameRateMultiplier="1000 1001"'), [(1.001, 2.002, "a")]),
        (timed('<p begin="1s" end="2s">a</p>').replace("<", "<tt:").replace("<tt:/", "</tt:"), [(1, 2, "a")]),
    ],
    ids=["spans with times", "references", "ruby", "no end", "frames", "a prefix without a namespace"],
)
def test_ttml_is_read_as_it_is_written(text: str, wanted: list[tuple[float, float, str]]) -> None:
    assert shown(text) == wanted


def test_words_of_ttml_have_their_own_times() -> None:
    (cue,) = parse(timed('<p begin="1s" end="4s"><span begin="0s">a</span> <span begin="1s">b</span><br/>c</p>').encode())
    assert [(word.text, word.start_s) for word in cue.words] == [(" a", 1.0), (" b", 2.0), (" c", 2.0)]


@pytest.mark.parametrize("text", [SBV, MICRODVD, LRC, SAMI, TTML], ids=["sbv", "microdvd", "lrc", "sami", "ttml"])
def test_a_file_that_is_cut_off_anywhere_has_the_cues_before(text: str) -> None:
    whole = [words for *_, words in shown(text)]
    for end in range(0, len(text), 7):
        try:
            cut = [words for *_, words in shown(text[:end])]
        except DocumentError:
            continue
        assert [said for said in cut if not any(words.startswith(said) for words in whole)] == []


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16", "utf-16-le", "cp949"])
def test_charsets_of_sami_are_detected(charset: str) -> None:
    line = "<SYNC Start=1000><P Class=KRCC>오늘은 식물이 빛에서 에너지를 얻는 방법을 이야기합니다\n"
    assert shown(f"<SAMI><BODY>\n{line * 5}".encode(charset))[0][2].startswith("오늘은 식물이")


BOMB = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
HOSTILE = {
    "entity bomb": f'<!DOCTYPE tt [<!ENTITY a0 "ha">{BOMB}]>' + timed('<p begin="1s" end="2s">said &a11;</p>'),
    "external entity": '<!DOCTYPE tt [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + timed('<p begin="1s" end="2s">said &x;</p>'),
    "depth": timed("<div>" * 50_000 + '<p begin="1s">said</p>'),
    "names": "<tt>" + "<p begin='1s' a" * 20_000,
    "comments": "<SYNC Start=1><P>said" + "<!--" * 50_000,
    "paragraphs": "<SYNC Start=1>" + "<P" * 50_000,
    "syncs": "<SYNC Start=" * 50_000,
    "stamps": "[00:01.00]" * 20_000 + "said",
    "brackets": "[00:" * 50_000,
    "frames": "{1}{" * 50_000 + "\n{" + "9" * 5000 + "}{1}said",
    "commas": "0:00:01.000," * 20_000,
    "huge numbers": timed(f'<p begin="{"9" * 18}h" end="{"9" * 400}s">said</p>'),
    "zero bytes": timed('<p begin="1s" end="2s">sa\x00id</p>'),
}


@pytest.mark.timeout(60)  # quadratic work would take hours
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_read_quickly(name: str) -> None:
    try:
        words = {words for *_, words in shown(HOSTILE[name])}
    except DocumentError:
        words = set()
    assert {text for text in words if not text.startswith("<P")} <= {"said"}
