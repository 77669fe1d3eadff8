"""The cache of shards on this machine: what gets into it, what goes, and what is never touched."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from interloom.loader import Access, Cache, StreamingDocuments
from interloom.loader.local_copies import LocalCopies, OpenFiles
from interloom.loader.shards import ShardFolder
from interloom.pipeline.errors import ConfigError, DamageError
from interloom.pipeline.store import storage

Corpus = Callable[..., str]
Upload = Callable[[str, str], str]


def ids(folder: str, **settings: Any) -> list[str]:
    return [sample.id for sample in StreamingDocuments(folder, **settings)]


def test_files_of_the_cache_may_go_at_any_time(corpus: Corpus, s3: str, upload: Upload, tmp_path: Path) -> None:
    folder, cache = corpus(40), tmp_path / "cache"
    place = upload(folder, f"{s3}/vanishing")
    names = []
    for sample in StreamingDocuments(place, access=Access(cache=Cache(folder=str(cache)), threads=0)):
        names.append(sample.id)
        shutil.rmtree(cache, ignore_errors=True)
    assert names == ids(folder)


@dataclass(frozen=True, kw_only=True)
class Losing(Cache):
    """A cache whose files are lost at once; `made` has their paths."""

    made: list[str] = field(default_factory=list)

    def local_copy(self, path: str, size: int, sha256: str) -> str | None:
        copy = Cache.local_copy(self, path, size, sha256)
        self.made.append(path)
        os.unlink(copy or "")
        return copy


def test_a_damaged_copy_is_fetched_again_once(corpus: Corpus, s3: str, upload: Upload, tmp_path: Path) -> None:
    folder, cache = corpus(20), tmp_path / "cache"
    place = upload(folder, f"{s3}/damaged")
    access = Access(cache=Cache(folder=cache), threads=0)
    for shard in range(3):
        access.cache.local_copy(ShardFolder(place).path(shard), *size_and_sha256(ShardFolder(place), shard))  # type: ignore[union-attr]
    for copy in cache.iterdir():
        copy.write_bytes(copy.read_bytes().replace(b'{"', b'["'))
    dataset = StreamingDocuments(place, access=access, epochs=30)
    assert len(list(dataset)) == 600
    assert not dataset.errors
    assert not [copy for copy in cache.iterdir() if storage.sha256(str(copy)) != copy.name]


def size_and_sha256(folder: ShardFolder, shard: int) -> tuple[int, str]:
    return int(folder.sizes[shard]), folder.index.sha256(shard)


def test_a_lost_copy_is_made_again_when_as_much_was_read_from_the_store(corpus: Corpus, tmp_path: Path) -> None:
    folder, cache = ShardFolder(corpus(20)), Losing(folder=tmp_path / "cache")
    copies, counts = LocalCopies(cache, OpenFiles()), []
    for part in (0, 1, 2):
        copies.read_from_store(folder.path(0), int(folder.sizes[0]) * part // 2)
        for _ in range(100):
            assert copies.opened(folder, 0) is None
            time.sleep(0.001)
        counts.append(len(cache.made))
    copies.close()
    assert counts == [1, 1, 2]


def test_a_cache_holds_no_more_than_it_may(corpus: Corpus, tmp_path: Path) -> None:
    shards = sorted(Path(corpus(70)).glob("*.tar"))
    size = shards[0].stat().st_size
    cache = Cache(folder=str(tmp_path / "cache"), most_bytes=3 * size + size // 2)
    copies = [cache.local_copy(str(shard), size, storage.sha256(str(shard))) for shard in shards[:6]]
    there = [copy for copy in copies if copy is not None and Path(copy).exists()]
    assert (len(there), copies[-1] in there) == (3, True)


def test_a_shard_that_another_process_fetches_is_not_waited_for(corpus: Corpus, tmp_path: Path) -> None:
    shard = sorted(Path(corpus(20)).glob("*.tar"))[0]
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / f"{storage.sha256(str(shard))}.claim").touch()
    cache = Cache(folder=str(tmp_path / "cache"))
    assert cache.local_copy(str(shard), shard.stat().st_size, storage.sha256(str(shard))) is None


def test_the_claim_of_a_process_that_ended_long_ago_does_not_count(corpus: Corpus, tmp_path: Path) -> None:
    shard = sorted(Path(corpus(20)).glob("*.tar"))[0]
    claim = tmp_path / "cache" / f"{storage.sha256(str(shard))}.claim"
    claim.parent.mkdir()
    claim.touch()
    os.utime(claim, (1, 1))
    copy = Cache(folder=str(tmp_path / "cache")).local_copy(str(shard), shard.stat().st_size, storage.sha256(str(shard)))
    assert copy is not None and Path(copy).read_bytes() == shard.read_bytes()


def test_a_shard_with_another_checksum_does_not_get_into_the_cache(corpus: Corpus, tmp_path: Path) -> None:
    shard = sorted(Path(corpus(20)).glob("*.tar"))[0]
    with pytest.raises(DamageError, match="its checksum is not that of the manifest"):
        Cache(folder=str(tmp_path / "cache")).local_copy(str(shard), shard.stat().st_size, "ab" * 32)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cut_copy_in_the_cache_is_fetched_again(corpus: Corpus, tmp_path: Path) -> None:
    shard = sorted(Path(corpus(20)).glob("*.tar"))[0]
    size, sha256 = shard.stat().st_size, storage.sha256(str(shard))
    cache = Cache(folder=tmp_path / "cache")
    copy = cache.local_copy(str(shard), size, sha256)
    assert copy is not None
    os.truncate(copy, 10)
    assert cache.local_copy(str(shard), size, sha256) == copy
    assert Path(copy).stat().st_size == size


def test_a_copy_that_is_cut_while_it_is_open_is_read_from_the_store(
    corpus: Corpus, s3: str, upload: Upload, tmp_path: Path
) -> None:
    folder = corpus(40)
    place = upload(folder, f"{s3}/cut-copies")
    dataset = StreamingDocuments(place, epochs=3, access=Access(cache=Cache(folder=tmp_path / "cache"), threads=0))
    names = []
    for sample in dataset:
        names.append(sample.id)
        for copy in (tmp_path / "cache").iterdir():
            if not copy.suffix:
                os.truncate(copy, 10)
    assert (names, dataset.errors) == (ids(folder, epochs=3), [])


def test_files_of_others_in_the_folder_of_the_cache_stay(corpus: Corpus, tmp_path: Path) -> None:
    shard = sorted(Path(corpus(20)).glob("*.tar"))[0]
    mine = tmp_path / "cache" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("x" * 100_000)
    os.utime(mine, (1, 1))
    size = shard.stat().st_size
    assert Cache(folder=tmp_path / "cache", most_bytes=size).local_copy(str(shard), size, storage.sha256(str(shard)))
    assert mine.exists()


def test_a_cache_that_cannot_be_made_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=f"cache: {tmp_path / 'file'}: File exists"):
        StreamingDocuments(corpus(20), access=Access(cache=Cache(folder=tmp_path / "file")))


def test_a_copy_that_is_refused_is_logged_once(
    corpus: Corpus, s3: str, upload: Upload, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Path(corpus(40))
    expected = ids(str(folder))
    place = upload(str(folder), f"{s3}/refused")
    for shard in folder.glob("*.tar"):
        storage.write(f"{place}/{shard.name}", shard.read_bytes()[:-1] + b"x")
    assert ids(place, access=Access(cache=Cache(folder=tmp_path / "cache"), threads=0)) == expected
    assert len([r for r in caplog.records if "it does not get into the cache (DamageError: " in r.message]) == 1
