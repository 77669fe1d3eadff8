"""Pickles are read without running anything that they name."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest

from interloom.schemas.document import Clip, Document, Image, Text
from interloom.stages.read_documents import ReadDocuments

TORCH_MAGIC = 0x1950A86A20F9469CFC6C
COMM = {
    "summary_info": [{"type": "text", "text": "How to sail."}],
    "step_info": [
        [{"type": "text", "text": "Step 1"}, {"type": "image", "url": "http://a/1.png", "image_path": "gone/1.png"}],
        [{"type": "text", "text": "Step 2"}],
    ],
}
HOWTO = {"video-1": {"start": [3.0, 10.0], "end": [11.0, 18.0], "text": [["A boat."], [("A pier.", 0.5), ("A dock.", 0.25)]]}}


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


def in_torch_of_old(data: bytes) -> bytes:
    return b"".join(pickle.dumps(value) for value in (TORCH_MAGIC, 1001, {"little_endian": True})) + data


def outcomes(path: Path, content: bytes, **parameters: Any) -> list[Any]:
    path.write_bytes(content)
    source = ReadDocuments(paths=str(path), **parameters)
    return [outcome for split in source.splits() for outcome in source.read(split)]


@pytest.mark.parametrize("wrap", [bytes, zipped, in_torch_of_old])
@pytest.mark.parametrize("format_", ["auto", "comm"])
def test_steps_of_comm_are_read_from_files_of_torch(tmp_path: Path, wrap: Any, format_: str) -> None:
    [doc] = outcomes(tmp_path / "in.pt", wrap(pickle.dumps([COMM])), format=format_)
    image = Image(position=2, url="http://a/1.png")
    texts = [Text(position=n, text=text) for n, text in ((0, "How to sail."), (1, "Step 1"), (3, "Step 2"))]
    assert doc.elements == (texts[0], texts[1], image, texts[2])
    assert doc.labels == {"steps": "[1, 3]"}


def test_clips_of_howtocaption_have_times_and_captions(tmp_path: Path) -> None:
    [doc] = outcomes(tmp_path / "in.pickle", pickle.dumps(HOWTO))
    clips = (Clip(position=0, url="video-1", start_s=3.0, end_s=11.0), Clip(position=2, url="video-1", start_s=10.0, end_s=18.0))
    caption = [
        Text(position=position, text=text, role="caption", origin="generated", of=of)
        for position, text, of in ((1, "A boat.", 0), (3, "A pier.", 2), (4, "A dock.", 2))
    ]
    scored = (caption[1].with_score("caption_score", 0.5), caption[2].with_score("caption_score", 0.25))
    assert doc.elements == (clips[0], caption[0], clips[1], *scored)
    assert doc.labels == {"source_id": "video-1"}


class _Runs:
    def __reduce__(self) -> Any:
        return os.system, ("touch ran",)


@pytest.mark.parametrize("wrap", [bytes, zipped, in_torch_of_old])
def test_what_a_pickle_names_is_not_run(tmp_path: Path, wrap: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    [wrong] = outcomes(tmp_path / "in.pt", wrap(pickle.dumps([_Runs()])))
    module = os.system.__module__
    what = f"UnpicklingError: it names {module}.system, and nothing that a pickle names is run"
    assert wrong.error == f"broken pickle: {what} (row 0, in.pt)"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "broken pickle: EOFError: Ran out of input (row 0, in.pkl)"),
        (b"junk", "broken pickle: UnpicklingError: "),
        (pickle.dumps(3), "broken pickle: neither a list nor a mapping (row 0, in.pkl)"),
        (pickle.dumps([3]), "not a mapping of names to values (row 0, in.pkl)"),
        (b"\x8e\xff\xff\xff\xff\xff\xff\xff\x0f", "broken pickle: "),
        (b"PK\x03\x04", "broken pickle: BadZipFile: "),
        (pickle.dumps(HOWTO)[:40], "broken pickle: UnpicklingError: pickle data was truncated (row 0, in.pkl)"),
    ],
)
def test_a_broken_pickle_is_quarantined(tmp_path: Path, content: bytes, error: str) -> None:
    [wrong] = outcomes(tmp_path / "in.pkl", content)
    assert wrong.error.startswith(error)


def test_pickles_in_a_folder_are_read_only_if_they_are_asked_for(tmp_path: Path) -> None:
    [doc] = outcomes(tmp_path / "in.pkl", pickle.dumps(HOWTO))
    (tmp_path / "in.jsonl").write_text('{"text": "Words."}\n')
    sources = [ReadDocuments(paths=str(tmp_path), format=name) for name in ("auto", "howtocaption")]
    read = [[outcome for split in source.splits() for outcome in source.read(split)] for source in sources]
    assert [[outcome.id for outcome in of if isinstance(outcome, Document)] for of in read][1] == [doc.id]
    assert [outcome.text for outcome in read[0] if isinstance(outcome, Document)] == ["Words."]
