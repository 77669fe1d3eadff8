"""Laws of the scopes in which images are counted."""

from __future__ import annotations

import pytest

from interloom.stages.dedup_image.scopes import dump_of


@pytest.mark.parametrize(
    ("path", "dump"),
    [
        ("s3://commoncrawl/crawl-data/CC-MAIN-2024-10/segments/1.0/warc/CC-MAIN-20240220211055-00000.warc.gz", "CC-MAIN-2024-10"),
        ("CC-MAIN-2009-2010/segments/1.warc.gz", "CC-MAIN-2009-2010"),
        ("/data/CC-MAIN-2012/1.arc.gz", "CC-MAIN-2012"),
        ("s3://commoncrawl/crawl-data/CC-NEWS/2016/08/CC-NEWS-20160826124520-00000.warc.gz", "CC-NEWS/2016/08"),
        ("/data/CC-MAIN-20240220211055-00000.warc.gz", ""),
        ("/data/MY-CC-MAIN-2024-10/a.warc.gz", ""),
        ("", ""),
    ],
)
def test_the_path_of_a_file_names_its_crawl(path: str, dump: str) -> None:
    assert dump_of(path) == dump
