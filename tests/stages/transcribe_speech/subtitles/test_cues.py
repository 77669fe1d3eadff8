import itertools
import random

import pytest

from interloom.pipeline.errors import DocumentError
from interloom.stages.transcribe_speech.speech import Word, split_sentences, spread_words
from interloom.stages.transcribe_speech.subtitles.cues import parse, read_subtitles
from interloom.stages.transcribe_speech.subtitles.rolling import spoken_words

VTT = """WEBVTT
Kind: captions

NOTE 00:00:09.000 --> 00:00:10.000 is not a cue

STYLE
::cue { color: lime }

intro
00:01.500 --> 00:03.000 align:start position:0%
<v Anna>Good &amp; <b>bold</b></v>

1:00:00.000 --> 1:00:02.000
later
"""
ASS = """[Script Info]
Title: x

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:02.50,0:00:04.00,Default,,0,0,0,,{\\i1}Second{\\i0}, with a comma\\Nand a line
Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,First\\hone
Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\p1}m 0 0 l 100 0 100 100{\\p0}
"""
ROLLING = """WEBVTT

00:00:01.000 --> 00:00:03.000
 
the<00:00:01.400><c> first</c><00:00:02.000><c> line</c>

00:00:03.000 --> 00:00:03.010
the first line
 

00:00:03.010 --> 00:00:05.000
the first line
goes<00:00:03.500><c> on</c><00:00:04.000><c> here</c>

00:00:05.000 --> 00:00:05.010
goes on here
 

00:00:05.010 --> 00:00:07.000
goes on here
and<00:00:05.500><c> ends</c>
"""


def shown(data):
    cues = parse(data if isinstance(data, bytes) else data.encode())
    return [(cue.start_s, cue.end_s, "".join(word.text for word in cue.words).strip()) for cue in cues]


def srt(*cues):
    return "\n".join(f"{n}\n{times}\n{text}\n" for n, (times, text) in enumerate(cues, 1))


def test_webvtt_loses_its_markup_notes_and_styles():
    assert shown(VTT) == [(1.5, 3.0, "Good & bold"), (3600.0, 3602.0, "later")]


def test_ass_loses_its_codes_and_drawings():
    assert shown(ASS) == [(1.0, 2.0, "First one"), (2.5, 4.0, "Second, with a comma and a line")]


def test_srt_with_dots_tags_and_no_empty_lines():
    text = "1\n00:00:01.000 --> 00:00:02.000\n{\\an8}<font color='#fff'>One</font>\n2\n00:00:02,5 --> 00:00:03,25\n>> Two\n"
    assert shown(text) == [(1.0, 2.0, "One"), (2.5, 3.25, "Two")]


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "cp1251"])
def test_charsets_are_detected(charset):
    line = "Сегодня мы поговорим о том, как растения получают энергию из света."
    text = srt(*[("00:00:01,000 --> 00:00:02,000", line)] * 5)
    assert shown(text.encode(charset))[0][2] == line


@pytest.mark.parametrize("newline", ["\r\n", "\r", "\r\r\n"])
def test_line_ends_of_all_kinds(newline):
    text = srt(("00:00:01,000 --> 00:00:02,000", "a"), ("00:00:03,000 --> 00:00:04,000", "b"))
    assert shown(text.replace("\n", newline).encode()) == [(1.0, 2.0, "a"), (3.0, 4.0, "b")]


def test_cues_are_put_in_order_of_time():
    text = srt(("00:00:05,000 --> 00:00:06,000", "second"), ("00:00:01,000 --> 00:00:02,000", "first"))
    assert [cue[2] for cue in shown(text)] == ["first", "second"]


def test_a_cue_that_ends_before_it_starts_lasts_as_long_as_it_takes_to_read():
    assert shown(srt(("00:00:05,000 --> 00:00:01,000", "x" * 34))) == [(5.0, pytest.approx(7.06, abs=0.1), "x" * 34)]


@pytest.mark.parametrize("times", ["99999:00:00,000 --> 99999:00:01,000", "a --> b", "00:00:01,000 -->"])
def test_invalid_times_make_no_cue(times):
    with pytest.raises(DocumentError, match="no cue"):
        parse(srt((times, "text")).encode())


@pytest.mark.parametrize("data", [b"", b"\x00" * 1000, bytes(range(256)) * 20, b"WEBVTT\n\n", b"<html><body>404</body></html>"])
def test_data_without_cues_is_refused(data):
    with pytest.raises(DocumentError, match="no cue"):
        parse(data)


def test_a_file_that_is_too_large_is_refused():
    with pytest.raises(DocumentError, match="more than 16 MiB"):
        parse(b"a" * (17 << 20))


@pytest.mark.timeout(60)  # quadratic work would take hours
@pytest.mark.parametrize(
    "line",
    [
        "<" * 50_000,
        "{\\" * 50_000,
        "[" * 50_000,
        "♪" * 50_000,
        "a " * 50_000,
        "*a" * 50_000,
        "<00:00:01.000>" * 5_000,
        "..!" * 30_000,
    ],
)
def test_hostile_lines_are_parsed_quickly(line):
    try:
        words = spoken_words(parse(srt(("00:00:01,000 --> 00:00:02,000", line)).encode()))
        list(split_sentences(words, pause_s=1, longest_s=20))
    except DocumentError:
        pass


def test_a_note_on_a_sound_is_one_word():
    (cue,) = parse(srt(("00:00:01,000 --> 00:00:02,000", "[Music] Hello ♪ la la ♪")).encode())
    assert [(word.text, word.is_note) for word in cue.words] == [(" [Music]", True), (" Hello", False), (" ♪ la la ♪", True)]


def test_repetitions_of_rolling_captions_are_removed_and_words_keep_their_times():
    words = spoken_words(parse(ROLLING.encode()))
    assert "".join(word.text for word in words).split() == ["the", "first", "line", "goes", "on", "here", "and", "ends"]
    assert [word.start_s for word in words] == [1.0, 1.4, 2.0, 3.01, 3.5, 4.0, 5.01, 5.5]


VOCABULARY = ("of", "the", "and", "we", "no", "more", "workers", "unite")


def clock(seconds):
    return f"00:{int(seconds) // 60:02}:{seconds % 60:06.3f}"


def rolled(lines):
    """Lines of two seconds each as automatic captions show them: a line word by word under the one before, then alone."""
    blocks, shown = ["WEBVTT"], " "
    for n, line in enumerate(lines):
        first, *others = line.split()
        timed = first + "".join(f"<{clock(2 * n + 0.2 * k)}><c> {word}</c>" for k, word in enumerate(others, 1))
        blocks += [f"{clock(2 * n)} --> {clock(2 * n + 1.99)}\n{shown}\n{timed}"]
        blocks += [f"{clock(2 * n + 1.99)} --> {clock(2 * n + 2)}\n{line}\n "]
        shown = line
    return "\n\n".join(blocks) + "\n"


@pytest.mark.parametrize("seed", range(5))
def test_rolling_captions_have_the_words_of_a_plain_file(seed):
    chosen = random.Random(seed)
    lines = [" ".join(chosen.choices(VOCABULARY, k=chosen.randint(3, 8))) for _ in range(40)]
    plain = srt(*((f"{clock(2 * n)} --> {clock(2 * n + 2)}", line) for n, line in enumerate(lines)))
    of_rolled, of_plain = (spoken_words(parse(text.encode())) for text in (rolled(lines), plain))
    assert [word.text.strip() for word in of_rolled] == " ".join(lines).split()
    assert [word.text.strip() for word in of_plain] == " ".join(lines).split()


def test_repetitions_of_captions_that_grow_word_by_word_are_removed():
    grown = ["so", "so today", "so today we", "so today we begin"]
    cues = [(f"00:00:0{n},000 --> 00:00:0{n + 1},000", text) for n, text in enumerate(grown, 1)]
    assert "".join(word.text for word in spoken_words(parse(srt(*cues).encode()))).split() == ["so", "today", "we", "begin"]


def test_a_repeated_word_in_manual_subtitles_stays():
    lines = ["No.", "No.", "I will not.", "You will.", "Why should I?", "Because.", "Because of what?", "Of me."]
    cues = [(f"00:00:{n:02},000 --> 00:00:{n + 1:02},000", text) for n, text in enumerate(lines)]
    assert "".join(word.text for word in spoken_words(parse(srt(*cues).encode()))).split() == " ".join(lines).split()


def test_no_word_overlaps_the_next():
    words = spoken_words(
        parse(srt(("00:00:01,000 --> 00:00:09,000", "one two"), ("00:00:02,000 --> 00:00:03,000", "three")).encode())
    )
    assert all(before.end_s <= after.start_s for before, after in itertools.pairwise(words))


def spoken(text):
    return " ".join("".join(word.text for word in spoken_words(parse(text.encode()))).split())


TIMES = "00:00:01,000 --> 00:00:04,000"
LATER = "00:00:05,000 --> 00:00:06,000"


@pytest.mark.parametrize(
    "text",
    [
        f"1\n{TIMES}\nThe ferry had left\nand the quay was empty.\n",
        f"1\n{TIMES}\n<i>The ferry had left<br/>and the quay</i>\nwas empty.\n",
        f"WEBVTT\n\n{TIMES.replace(',', '.')}\n<v Ann>The ferry had left\n<v Ben>and the quay was empty.\n",
        f"1\n{TIMES}\nThe ferry had left\n\n2\n00:00:01,000 --> 00:00:03,000\nand the quay was empty.\n",
        f"1\n{TIMES}\nThe ferry had left\n\n2\n00:00:02,000 --> 00:00:03,000\nand the quay was empty.\n",
        f"1\n{TIMES}\nThe ferry had left\n\n2\n00:00:03,000 --> 00:00:06,000\nand the quay was empty.\n",
        "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        + "Dialogue: 0,0:00:01.00,0:00:04.00,D,,0,0,0,,The ferry had left\\Nand the quay was empty.\n" * 2,
    ],
    ids=[
        "srt",
        "breaks in tags",
        "voices",
        "cues that begin together",
        "a cue inside another",
        "cues that overlap",
        "ass layers",
    ],
)
def test_lines_and_cues_are_spoken_one_after_the_other(text):
    assert spoken(text) == "The ferry had left and the quay was empty."


def test_the_words_of_two_lines_share_the_time_of_their_cue():
    words = spoken_words(parse(f"1\n{TIMES}\nabc def\nghi jkl\n".encode()))
    assert [(word.text, word.start_s, word.end_s) for word in words] == [
        (" abc", 1.0, 1.75), (" def", 1.75, 2.5), (" ghi", 2.5, 3.25), (" jkl", 3.25, 4.0),
    ]  # fmt: skip


def test_a_cue_is_spoken_before_the_next_one_begins():
    words = spoken_words(parse(f"1\n{TIMES}\nab cd\n\n2\n00:00:02,000 --> 00:00:05,000\nef gh\n".encode()))
    assert [(word.start_s, word.end_s) for word in words] == [(1.0, 1.5), (1.5, 2.0), (2.0, 3.5), (3.5, 5.0)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"1\n{TIMES}\nOne.\n\nTwo.\n\n2\n{LATER}\n\nThree.\n", "One. Two. Three."),
        (f"1\n\n{TIMES}\n\nOne.\n\nTwo.\n\n2\n\n{LATER}\n\n\nThree.\n", "One. Two. Three."),
        (f"{TIMES}\nOne.\n\nTwo.\n\n{LATER}\n42\n\n00:00:07,000 --> 00:00:08,000\nEnd.\n", "One. Two. 42 End."),
        (f"1\n{TIMES}\n42\n\n2\n{LATER}\n1984\n\nwas the year.\n", "42 1984 was the year."),
        (f"7\n{TIMES}\nOne.\n\n7\n{LATER}\nTwo.\n", "One. Two."),
        (f"1\n{TIMES}\n\n2\n{LATER}\nTwo.\n", "Two."),
        (f"1\n{TIMES}\nOne.\n\n2\n00:00:0x,000 --> 00:00:06,000\nTwo.\n\n3\n{LATER}\nThree.\n", "One. Three."),
        (f"1\n{TIMES}\nFrom A --> B.\n\n2\n{LATER}\nDialogue: two, 2 people.\n", "From A --> B. Dialogue: two, 2 people."),
        ("WEBVTT\n\nNOTE\nnot this\n\n00:01.000 --> 00:04.000\nOne.\n\nNOTE\nnor that\n", "One."),
    ],
    ids=["empty lines", "doubled lines", "no numbers", "numbers said", "wrong numbers", "no text", "no time", "arrows", "webvtt"],
)
def test_a_cue_of_srt_ends_at_the_next_number_and_times(text, wanted):
    assert spoken(text) == wanted


@pytest.mark.parametrize(
    "times",
    [
        "0:0:1,0 --> 0:0:4,0",
        "00:00:01 --> 00:00:04",
        "00:01,000 --> 00:04,000",
        "00:00:01:000 --> 00:00:04:000",
        "00 : 00 : 01 , 000 --> 00 : 00 : 04 , 000",
        "00:00:01,000->00:00:04,000",
        "00:00:01,000 – > 00:00:04,000",
        "00:00:01,000 --&gt; 00:00:04,000",
        "00:00:01.000000000 --> 00:00:04.000000000 X1:40 X2:600 Y1:20 Y2:50",
        "1 00:00:01,000\t-->\t00:00:04,000",
    ],
)
def test_times_are_read_as_they_are_written(times):
    assert shown(f"1\n{times}\nOne.\n") == [(1.0, 4.0, "One.")]


def test_minutes_beyond_an_hour_are_hours():
    assert shown(srt(("00:61:00,000 --> 00:61:02,000", "Late."))) == [(3660.0, 3662.0, "Late.")]


def test_a_missing_file_is_a_document_error(tmp_path):
    with pytest.raises(DocumentError, match="cannot be read"):
        read_subtitles(str(tmp_path / "none.srt"))


def sentence_texts(text, start_s=0.0, end_s=10.0, **limits):
    words = [
        word if word.text.startswith(" ") else Word(f" {word.text}", word.start_s, word.end_s)
        for word in spread_words(text, start_s, end_s)
    ]
    return [sentence.text for sentence in split_sentences(words, **{"pause_s": 1.0, "longest_s": 20.0, **limits})]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("One ends. Two ends! Three?", ["One ends.", "Two ends!", "Three?"]),
        ("Dr. Smith met J. Jones, e.g. today.", ["Dr. Smith met J. Jones, e.g. today."]),
        ("It costs 3.5 dollars. Yes", ["It costs 3.5 dollars.", "Yes"]),
        ("approx. half of it. Then", ["approx. half of it.", "Then"]),
        ("今天天气很好。我们出去吧！", ["今天天气很好。", "我们出去吧！"]),
    ],
)
def test_sentences_end_at_punctuation_and_not_after_abbreviations(text, wanted):
    assert [sentence.replace(" ", "") for sentence in sentence_texts(text)] == [sentence.replace(" ", "") for sentence in wanted]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("it ends. then it begins. and goes on.", ["it ends.", "then it begins.", "and goes on."]),
        ("so i left. then I came.", ["so i left.", "then I came."]),
        ("we saw Paris. then we left. it rained. we slept.", ["we saw Paris.", "then we left.", "it rained.", "we slept."]),
        ("he met dr. smith, e.g. today. he left.", ["he met dr. smith, e.g. today.", "he left."]),
    ],
)
def test_sentences_of_a_lower_case_transcript_end_at_full_stops(text, wanted):
    assert sentence_texts(text) == wanted


def test_a_pause_ends_a_sentence():
    words = [Word(" well", 0.0, 0.5), Word(" then", 2.0, 2.5), Word(" so", 2.6, 2.8)]
    assert [sentence.text for sentence in split_sentences(words, pause_s=1.0, longest_s=20.0)] == ["well", "then so"]


def test_a_long_sentence_is_cut_at_the_end_of_a_clause():
    text = " ".join(f"word{n}," if n == 40 else f"word{n}" for n in range(100))
    cut = sentence_texts(text, 0.0, 60.0, longest_s=30.0)
    assert len(cut[0].split()) == 41
    assert " ".join(cut) == text


def test_no_words_make_no_sentence():
    assert list(split_sentences([], pause_s=1.0, longest_s=20.0)) == []


@pytest.mark.shared_data("4_video_audio/videogrep_manifesto", twin="test_rolling_captions_have_the_words_of_a_plain_file")
def test_real_rolling_captions_have_the_words_of_the_plain_file(shared_data):
    folder = shared_data / "4_video_audio" / "videogrep_manifesto"
    rolling, plain = (spoken_words(read_subtitles(str(folder / f"manifesto.{kind}"))) for kind in ("vtt", "srt"))
    assert [word.text.strip() for word in rolling] == [word.text.strip() for word in plain]
    assert len(rolling) == 206


FIRST, SECOND = "00:00:01,000 --> 00:00:02,000", "00:00:03,000 --> 00:00:04,000"


@pytest.mark.parametrize("head", ["2", "2\n00:00:03", "2\n00:00:03,0", "2\n00:00:03,000 --"])
def test_the_head_of_a_cue_in_which_a_file_is_cut_is_no_speech(head):
    expected = "One. 2" if head == "2" else "One."
    assert said(f"1\n{FIRST}\nOne.\n\n{head}") == expected


def test_numbers_of_cues_may_have_signs_between_thousands():
    assert said(f"1,001\n{FIRST}\nOne.\n\n1,002\n{SECOND}\nTwo.\n") == "One. Two."


@pytest.mark.parametrize("dash", ["-", "–", "—", "‐"])
def test_a_dash_before_what_a_speaker_says_is_not_spoken(dash):
    assert said(f"1\n{FIRST}\n{dash} One.\n{dash}Two.\n") == "One. Two."


def test_readings_in_ruby_are_not_spoken():
    assert said("WEBVTT\n\n00:01.000 --> 00:02.000\n<ruby>池<rt>いけ</rt></ruby>の<ruby>冬<rt>ふゆ</ruby>\n") == "池の冬"


def said(text):
    return "".join(word.text for word in spoken_words(parse(text.encode()))).strip()


def sentences(data):
    words = spoken_words(parse(data if isinstance(data, bytes) else data.encode()))
    return [(part.text, part.words[0].is_note) for part in split_sentences(words, pause_s=1.0, longest_s=20.0)]


def cues_of(*texts):
    return srt(*((f"00:00:{2 * n:02},000 --> 00:00:{2 * n + 2:02},000", text) for n, text in enumerate(texts)))


@pytest.mark.parametrize(
    "text",
    [
        "Then arr[i] = b[i] holds.",
        "So 2 * 3 * 4 equals 24.",
        "The list [1, 2, 3] has three.",
        "As shown in [12] before.",
        "What the [ __ ] is that?",
        "First #include <stdio.h> here.",
        "A vector<int> of them.",
        "If a <b and c> d then stop.",
        "Mail <ann@bees.example> now.",
        "-20 degrees is cold.",
    ],
)
def test_signs_of_mathematics_and_programs_are_said(text):
    assert sentences(cues_of(text)) == [(text, False)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("♪ I was born\nin the summer ♪", [("♪ I was born in the summer ♪", True)]),
        ("<i>♪ I was born</i>\n<i>in the summer ♪</i>", [("♪ I was born in the summer ♪", True)]),
        ("♪ I was born\n♪ in the summer", [("♪ I was born", True), ("♪ in the summer", True)]),
        ("[dramatic music\ncontinues]\nGo!", [("[dramatic music continues]", True), ("Go!", False)]),
        ("*laughs* Yes. [♪♪]", [("*laughs*", True), ("Yes.", False), ("[♪♪]", True)]),
    ],
)
def test_a_note_may_go_on_in_the_next_line(text, wanted):
    assert sentences(cues_of(text)) == wanted


@pytest.mark.parametrize(
    "text", ["< i >Hello</ i > there.", "<FONT color='red'>Hello</FONT> there.", "<c.loud>Hello</c> <br/>there."]
)
def test_tags_are_no_speech_however_they_are_written(text):
    assert sentences(cues_of(text)) == [("Hello there.", False)]


def test_what_stands_in_braces_in_ass_is_not_shown():
    text = ASS.replace("First", "{note: check this}First").replace("[Events]", "[EVENTS]").replace("Format:", "format:")
    assert sentences(text) == [("First one Second, with a comma and a line", False)]


def test_a_cue_that_is_shown_without_end_is_spoken_soon():
    (cue,) = parse(b"1\n00:00:01,000 --> 99:59:59,999\nOne two three.\n")
    words = spoken_words([cue])
    assert (words[0].start_s, words[-1].end_s) == (1.0, 21.0)


def test_byte_order_marks_between_joined_files_are_no_text():
    text = "\ufeff1\n00:00:01,000 --> 00:00:02,000\nOne.\n\n\ufeff2\n00:00:05,000 --> 00:00:06,000\nTwo.\n"
    assert sentences(text) == [("One.", False), ("Two.", False)]


@pytest.mark.parametrize("charset", ["gbk", "iso-8859-1", "shift_jis"])
def test_a_charset_of_which_somebody_speaks_is_not_that_of_the_file(charset):
    text = cues_of(f"Write &lt;meta charset={charset}&gt; or <meta charset={charset}>.", "Résumé, café.")
    assert sentences(text)[-1] == ("Résumé, café.", False)


def test_marks_of_direction_behind_a_full_stop_hide_no_end_of_a_sentence():
    assert len(sentences(cues_of("\u202bשלום לכולם.\u202c", "\u202bמה שלומכם?\u202c"))) == 2


def test_what_is_shown_twice_is_said_twice():
    assert [text for text, _ in sentences(cues_of("Hola.", "Hola.", "Adiós.", "Adiós."))] == [
        "Hola.",
        "Hola.",
        "Adiós.",
        "Adiós.",
    ]


def test_a_cue_that_is_shown_again_and_again_for_a_moment_is_said_once():
    moments = [(f"00:00:01,{10 * n:03} --> 00:00:01,{10 * n + 10:03}", "The hive.") for n in range(50)]
    assert sentences(srt(*moments)) == [("The hive.", False)]
