"""Reading: from disk, from S3 by ranges, with a cache; damage, splits, and shards of earlier versions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from interloom.loader import Access, Cache, Split, StreamingDocuments
from interloom.loader.reading import ahead
from interloom.loader.views import Texts
from interloom.pipeline.errors import ConfigError, FatalError
from interloom.pipeline.store import storage
from interloom.schemas.document import Source as Origin
from interloom.schemas.shard_index import SHARDS
from interloom.schemas.split_buckets import bucket_of

Corpus = Callable[..., str]
Upload = Callable[[str, str], str]


def ids(folder: str, **settings: Any) -> list[str]:
    return [sample.id for sample in StreamingDocuments(folder, **settings)]


def test_every_document_comes_with_its_bytes(corpus: Corpus) -> None:
    for sample in StreamingDocuments(corpus(20)):
        document = sample.document()
        assert document.images[0].data == sample.members["1.jpg"]
        assert sample.members["1.jpg"][:2] == b"\xff\xd8"


def test_a_store_gives_what_the_disk_gives(corpus: Corpus, s3: str, upload: Upload, tmp_path: Path) -> None:
    folder = corpus(40)
    place = upload(folder, f"{s3}/plain")
    cached = Access(cache=Cache(folder=str(tmp_path / "cache")), threads=2)
    assert ids(place) == ids(place, access=cached) == ids(place, access=Access(threads=0)) == ids(folder)


def test_requests_that_fail_now_and_then_change_nothing(corpus: Corpus, faulty_s3: str, upload: Upload, tmp_path: Path) -> None:
    folder = corpus(40)
    place = upload(folder, f"{faulty_s3}/faulty")
    assert ids(place, access=Access(cache=Cache(folder=str(tmp_path / "cache")))) == ids(folder)


def test_text_is_read_without_media(corpus: Corpus, s3: str, upload: Upload, tmp_path: Path) -> None:
    folder = corpus(3)
    [shard] = Path(folder).glob("*.tar")
    place = upload(folder, f"{s3}/texts")
    blank = bytearray(shard.read_bytes())
    at = blank.index(b"\xff\xd8")
    blank[at : at + 300] = bytes(300)
    storage.write(f"{place}/{shard.name}", bytes(blank))
    texts = list(StreamingDocuments(place, view=Texts(), access=Access(threads=0)))
    assert sorted(texts) == sorted(StreamingDocuments(folder, view=Texts()))


def test_a_cut_object_costs_its_samples_as_a_cut_file_does(corpus: Corpus, s3: str, upload: Upload) -> None:
    folder = Path(corpus(20))
    place = upload(str(folder), f"{s3}/cut")
    storage.write(f"{place}/shard-000001.tar", (folder / "shard-000001.tar").read_bytes()[:5000])
    dataset = StreamingDocuments(place, access=Access(threads=0))
    assert [len({sample.id for sample in dataset}), len(dataset.errors)] == [15, 5]


def test_a_cut_shard_costs_its_samples(corpus: Corpus) -> None:
    folder = Path(corpus(20))
    os.truncate(folder / "shard-000001.tar", 5000)
    dataset = StreamingDocuments(str(folder))
    assert [len({sample.id for sample in dataset}), len(dataset.errors)] == [15, 5]
    assert dataset.errors[0].message.startswith(f"{folder}/shard-000001.tar is damaged (it ends before ")


def test_too_many_errors_end_the_iteration(corpus: Corpus) -> None:
    folder = Path(corpus(20))
    os.truncate(folder / "shard-000001.tar", 0)
    with pytest.raises(FatalError, match="4 samples could not be read, more than most_errors allows"):
        ids(str(folder), access=Access(most_errors=3))


def test_a_sample_that_cannot_be_read_counts_once_in_all_epochs(corpus: Corpus) -> None:
    folder = Path(corpus(20))
    shard = folder / "shard-000000.tar"
    shard.write_bytes(shard.read_bytes().replace(b'{"', b'["', 1))
    dataset = StreamingDocuments(str(folder), access=Access(most_errors=1), epochs=5)
    assert (len(list(dataset)), len(dataset.errors)) == (95, 1)


def test_too_many_errors_end_the_iteration_of_a_loader(corpus: Corpus) -> None:
    folder = Path(corpus(20))
    os.truncate(folder / "shard-000001.tar", 0)
    with pytest.raises(FatalError, match="4 samples could not be read, more than most_errors allows"):
        list(StreamingDocuments(str(folder), access=Access(most_errors=3)).loader())


def test_a_view_that_fails_costs_the_sample_and_no_step(corpus: Corpus) -> None:
    def view(sample: Any) -> str:
        if sample.id in ("d3", "d4"):
            raise ValueError("odd")
        return str(sample.id)

    loader = StreamingDocuments(corpus(40), batch=4, view=view).loader(collate=len)
    sizes = list(loader)
    assert (len(sizes), sum(sizes), [error.message for error in loader.errors]) == (10, 38, ["ValueError: odd"] * 2)


def test_a_split_keeps_a_domain_together_and_loses_nothing(corpus: Corpus) -> None:
    folder = corpus(60)
    parts = {part: ids(folder, split=Split(part=part, validation=0.25)) for part in ("train", "validation")}
    assert sorted(parts["train"] + parts["validation"]) == sorted(ids(folder))
    assert sorted(parts["validation"]) == sorted(f"d{n}" for n in range(60) if bucket_of(f"d{n}.example") >= 2)


def test_a_split_by_domain_keeps_the_hosts_of_a_domain_together(folder_of: Any, page_of: Any, tmp_path: Path) -> None:
    pages = [replace(page_of(f"d{n}"), source=Origin(url=f"https://{'abc'[n % 3]}.site{n // 3}.co.uk/")) for n in range(60)]
    folder = folder_of(tmp_path / "hosts", pages, 7)
    validation = ids(folder, split=Split(part="validation", validation=0.25))
    assert sorted(validation) == sorted(f"d{n}" for n in range(60) if bucket_of(f"site{n // 3}.co.uk") >= 2)


def test_a_split_by_document_keeps_labelled_duplicates_with_their_document(folder_of: Any, page_of: Any, tmp_path: Path) -> None:
    pages = [page_of(f"d{n}") for n in range(40)]
    duplicates = [replace(page_of(f"e{n}"), labels={"duplicate_of": f"d{n}"}) for n in range(40)]
    folder = folder_of(tmp_path / "duplicates", pages + duplicates, 7)
    validation = ids(folder, split=Split(part="validation", validation=0.25, by="document"))
    assert {name[1:] for name in validation if name[0] == "e"} == {name[1:] for name in validation if name[0] == "d"}
    assert 0 < len(validation) < 80


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"validation": 0.01}, "split: validation is a power of two from 1/2 to 1/32768, not 0.01"),
        ({"part": "test"}, "split: part is 'train' or 'validation', not 'test'"),
        ({"by": "colour"}, "split: by is 'domain' or 'document', not 'colour'"),
    ],
)
def test_splits_that_make_no_sense_are_refused(values: dict[str, Any], problem: str, corpus: Corpus) -> None:
    with pytest.raises(ConfigError, match=problem):
        StreamingDocuments(corpus(10), split=Split(**values))


def test_shards_of_an_earlier_version_are_read_too(corpus: Corpus) -> None:
    folder = Path(corpus(20))
    expected = ids(str(folder))
    tars = sorted(folder.glob("*.tar"))
    files = [{"name": tar.name, "size_bytes": tar.stat().st_size, "sha256": storage.sha256(str(tar))} for tar in tars]
    (folder / "manifest.json").write_text(json.dumps({"shards": [{"files": [file], "documents": 0} for file in files]}))
    shutil.rmtree(folder / ".index")
    with pytest.warns(UserWarning, match="an earlier version wrote these shards, without an index"):
        assert ids(str(folder)) == expected


@pytest.mark.parametrize("content", [None, b"", b"x" * 200])
def test_a_shard_whose_sample_index_is_lost_is_read_through(
    content: bytes | None, corpus: Corpus, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Path(corpus(20))
    expected = ids(str(folder))
    [rows, *_] = sorted((folder / ".index").glob("*.rows"))
    rows.unlink()
    if content is not None:
        rows.write_bytes(content)
    assert ids(str(folder)) == expected
    assert [record.message.partition(" (")[0] for record in caplog.records] == [f"{rows}: cannot be read"]


@pytest.mark.parametrize("content", [b"", b"x" * 200])
def test_a_broken_index_is_told_in_a_line(content: bytes, corpus: Corpus) -> None:
    folder = corpus(10)
    (Path(folder) / SHARDS).write_bytes(content)
    with pytest.raises(ConfigError, match=rf"{SHARDS}: cannot be read \(.*; `interloom run` writes it again"):
        StreamingDocuments(folder)


@pytest.mark.parametrize("content", ["{}", '{"shards": [', "[]"])
def test_shards_without_a_whole_manifest_are_not_read(content: str, corpus: Corpus) -> None:
    manifest = Path(corpus(10)) / "manifest.json"
    manifest.write_text(content)
    with pytest.raises(ConfigError, match=r"manifest\.json: it is no manifest of finished shards"):
        StreamingDocuments(manifest.parent)
    manifest.unlink()
    with pytest.raises(ConfigError, match=r"no finished shards here \(no manifest\.json\)"):
        StreamingDocuments(manifest.parent)


def test_the_sample_index_of_another_shard_is_not_believed(corpus: Corpus, caplog: pytest.LogCaptureFixture) -> None:
    folder = Path(corpus(20))
    expected = ids(str(folder))
    first, second, *_ = sorted((folder / ".index").glob("*.rows"))
    first.write_bytes(second.read_bytes())
    assert ids(str(folder)) == expected
    assert "its checksum is wrong: it is damaged, or that of another shard" in caplog.records[0].message


def test_a_flipped_bit_is_found_if_checksums_are_compared(corpus: Corpus) -> None:
    folder = Path(corpus(20))
    shard = folder / "shard-000001.tar"
    content = shard.read_bytes()
    shard.write_bytes(content.replace(b"the end", b"the fnd", 1))
    assert len(ids(str(folder))) == 20
    dataset = StreamingDocuments(folder, access=Access(verify=True))
    assert len(list(dataset)) == 19
    assert dataset.errors[0].message.startswith(f"{shard} is damaged (the checksum of a member is wrong, at ")


def test_a_folder_without_shards_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no finished shards here"):
        StreamingDocuments(str(tmp_path))


def test_reading_ahead_keeps_the_order() -> None:
    assert list(ahead(range(40), lambda n: n * n, 3)) == [n * n for n in range(40)]


def test_neither_torch_nor_ray_is_needed(corpus: Corpus) -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'ray'): sys.modules[name] = None\n"
        "from interloom.loader import StreamingDocuments\n"
        "from interloom.loader.views import Interleaved\n"
        "loader = StreamingDocuments(sys.argv[1], batch=4, view=Interleaved()).loader()\n"
        "print(sum(len(batch) for batch in loader))\n"
    )
    answer = subprocess.run([sys.executable, "-c", code, corpus(21)], capture_output=True, text=True, check=False)
    assert (answer.stdout, answer.stderr) == ("20\n", "")
