"""Views: what a sample looks like to a model, in every layout, with pictures in every form."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image as Picture

from interloom.loader import StreamingDocuments
from interloom.loader.fetching import LEFT_OUT
from interloom.loader.pictures import Pictures
from interloom.loader.sample import Sample, parsed
from interloom.loader.views import Interleaved, Pairs, Segment, Segments, Texts
from interloom.loader.windows import Windows
from interloom.pipeline.errors import ConfigError
from interloom.schemas.document import Clip, Document, Image, Text
from interloom.schemas.sample_members import to_sample
from interloom.stages.write_webdataset import WriteWebdataset

RAW = Pictures(form="bytes")
ALT = Segment("alt", "text", "body", None, None)


def jpeg(size: tuple[int, int] = (8, 6), exif: bytes = b"") -> bytes:
    file = io.BytesIO()
    Picture.new("RGB", size, (90, 90, 90)).save(file, "jpeg", exif=exif)
    return file.getvalue()


def sample(*elements: Any, id_: str = "d") -> Sample:
    members = dict(to_sample(Document(id=id_, elements=elements)).members)
    return Sample(members, parsed(members))


def page() -> Sample:
    return sample(
        Text(position=0, text="one two"),
        Image(position=1, data=b"A", alt="an alt"),
        Text(position=2, text="a caption ", origin="caption", role="caption", of=1),
        Image(position=3, data=b"B", alt="an alt"),
        Image(position=4, url="https://lost.example"),
        Image(position=5, data=b"C"),
        Text(position=6, text="three"),
    )


def test_an_interleaved_document_has_its_texts_and_pictures_in_order() -> None:
    view = Interleaved(pictures=RAW)(page())
    assert (view.id, view.parts) == ("d", ["one two", b"A", "a caption ", b"B", b"C", "three"])


def test_pairs_are_pictures_with_their_caption_or_alt_text() -> None:
    assert Pairs(pictures=RAW)(page()) == [(b"A", "a caption"), (b"B", "an alt")]


def test_each_different_caption_of_a_picture_may_make_a_pair() -> None:
    captions = [Text(position=n, text=text, role="caption", of=0) for n, text in enumerate(("boats", "dawn", "boats"), 1)]
    coco = sample(Image(position=0, data=b"A", alt="alt"), *captions, Image(position=9, data=b"B", alt="quay"))
    assert Pairs(pictures=RAW)(coco) == [(b"A", "boats\ndawn\nboats"), (b"B", "quay")]
    assert Pairs(pictures=RAW, captions="each")(coco) == [(b"A", "boats"), (b"A", "dawn"), (b"B", "quay")]
    with pytest.raises(ConfigError, match="captions is 'joined' or 'each', not 'all'"):
        Pairs(captions="all")  # type: ignore[arg-type]


def test_the_text_is_the_running_text() -> None:
    assert Texts()(page()) == "one two\n\nthree"


def test_of_a_scan_the_text_is_what_is_on_it() -> None:
    assert (
        Texts(between=" ")(sample(Text(position=0, text="on a", origin="ocr"), Text(position=1, text="page", origin="ocr")))
        == "on a page"
    )


def test_segments_of_a_video_have_their_times() -> None:
    video = sample(
        Clip(position=0, start_s=0.0, end_s=9.5, data=b"CLIP", format="mp4"),
        Image(position=1, start_s=1.5, end_s=4.0, data=b"FRAME"),
        Text(position=2, text="hello", origin="asr", start_s=2.0, end_s=3.0),
        Clip(position=3, start_s=9.5, end_s=12.0),
    )
    assert [(s.content, s.kind, s.origin, s.start_s, s.end_s) for s in Segments(pictures=RAW)(video)] == [
        (b"CLIP", "clip", "body", 0.0, 9.5),
        (b"FRAME", "image", "body", 1.5, 4.0),
        ("hello", "text", "asr", 2.0, 3.0),
        (None, "clip", "body", 9.5, 12.0),
    ]


@pytest.mark.parametrize(
    ("layout", "view", "expected"),
    [
        ("pairs", Pairs(pictures=RAW), [(b"A", "alt")]),
        ("text", Texts(), "words"),
        ("flat", Texts(), "words"),
        ("text", Segments(), [Segment("words", "text", "body", None, None)]),
        (
            "pairs",
            Segments(pictures=RAW),
            [Segment(b"A", "image", "body", None, None), Segment("alt", "text", "body", None, None)],
        ),
        ("flat", Pairs(pictures=RAW), [(b"A", "alt")]),
    ],
)
def test_other_layouts_have_their_views(layout: Any, view: Any, expected: Any, tmp_path: Path, folder_of: Any) -> None:
    doc = Document(id="d", elements=(Text(position=0, text="words"), Image(position=1, data=b"A", alt="alt", format="png")))
    folder = folder_of(tmp_path / layout, [doc], 5, WriteWebdataset(layout=layout, sample_index=False))
    assert list(StreamingDocuments(folder, view=view)) == [expected]


def test_a_flat_sample_is_the_document_without_its_clips(tmp_path: Path, folder_of: Any) -> None:
    still = Image(position=1, data=b"A", alt="alt", format="png")
    doc = Document(id="d", elements=(Text(position=0, text="words"), still, Clip(position=2, data=b"C", format="mp4")))
    folder = folder_of(tmp_path, [doc], 5, WriteWebdataset(layout="flat", sample_index=False))
    [sample] = StreamingDocuments(folder)
    assert sample.document() == replace(doc, elements=(*doc.elements[:2], Clip(position=2, format="mp4")))


def test_pictures_come_as_pil_tensor_or_bytes() -> None:
    data = jpeg()
    picture, tensor = Pictures()(data), Pictures(form="tensor")(data)
    assert (picture.mode, picture.size, RAW(data)) == ("RGB", (8, 6), data)
    assert (tensor.dtype, tuple(tensor.shape), int(tensor[0, 0, 0])) == (torch.uint8, (3, 6, 8), 90)


def test_pictures_are_turned_as_exif_says() -> None:
    exif = Picture.Exif()
    exif[0x0112] = 6
    assert Pictures()(jpeg(exif=exif.tobytes())).size == (6, 8)


def test_a_draft_of_a_jpeg_is_smaller_but_not_below_the_side() -> None:
    assert Pictures(draft=100)(jpeg((1600, 800))).size == (200, 100)


def words(text: str) -> list[int]:
    return [int(word) for word in text.split()]


def similar(position: int, clip: float) -> Image:
    return Image(position=position, data=b"%d" % position, scores={"clip": clip})


def test_a_window_has_so_many_tokens_and_its_similar_pictures() -> None:
    document = sample(
        similar(0, 0.3),
        Text(position=1, text="1 2 3"),
        similar(2, 0.1),
        similar(3, 0.24),
        Text(position=4, text="4"),
        similar(5, 0.5),
    )
    view = Windows(tokenizer=words, tokens=10, most_images=2, pictures=RAW)
    assert view(document).items == [b"0", [1, 2, 3], b"3", [4]]


def test_windows_begin_elsewhere_in_each_epoch_and_the_same_after_a_restart() -> None:
    document = sample(
        Text(position=0, text=" ".join(map(str, range(50)))), similar(1, 0.3), Text(position=2, text="50 51 52 53 54 55")
    )
    view = Windows(tokenizer=words, tokens=50, pictures=RAW)
    begins = []
    for epoch in (0, 1, 2, 0):
        document.epoch = epoch
        begins.append(view(document).items[0][0])
    assert begins == [6, 0, 6, 6]


def test_a_picture_without_a_score_is_in_its_window() -> None:
    document = sample(Text(position=0, text="1 2"), Image(position=1, data=b"A"))
    assert Windows(tokenizer=words, pictures=RAW)(document).items == [[1, 2], b"A"]


def test_a_view_may_give_none(tmp_path: Path, folder_of: Any) -> None:
    folder = folder_of(tmp_path, [Document(id="d", elements=(Text(position=0, text="a"),))], 5)
    assert list(StreamingDocuments(folder, view=lambda _: None)) == [None]


def test_a_window_without_a_picture_is_left_out() -> None:
    assert Windows(tokenizer=words, pictures=RAW)(sample(Text(position=0, text="1"), similar(1, 0.2))) is LEFT_OUT


@pytest.mark.parametrize(("variables", "blocks"), [({}, "8"), ({"PILLOW_BLOCKS_MAX": "2"}, "2")])
def test_memory_of_pictures_is_used_again_unless_the_environment_says_how_much(variables: dict[str, str], blocks: str) -> None:
    code = (
        "import io; from PIL import Image; from interloom.loader.pictures import Pictures\n"
        "file = io.BytesIO(); Image.new('RGB', (8, 6)).save(file, 'jpeg'); Pictures()(file.getvalue())\n"
        "print(Image.core.get_blocks_max())"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PILLOW_BLOCKS_MAX"} | variables
    answer = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (answer.stdout, answer.stderr) == (f"{blocks}\n", "")
