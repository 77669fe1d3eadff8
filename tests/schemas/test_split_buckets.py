"""The buckets of a split: documents that belong together are in one, wherever they lie."""

from __future__ import annotations

from interloom.schemas.document import Document, Source
from interloom.schemas.split_buckets import bucket_of, buckets_of, histogram


def page(id_: str, url: str = "", **labels: str) -> Document:
    return Document(id=id_, source=Source(url=url), labels=labels)


def test_each_bucket_holds_half_as_many_names_as_the_one_before() -> None:
    [counts, _] = histogram([(bucket_of(f"name {n}"), 0) for n in range(4096)])
    assert counts[:4] == [2015, 1035, 549, 233]
    assert sum(counts) == 4096


def test_parts_of_a_document_have_one_bucket() -> None:
    assert buckets_of(page("a#1"))[1] == buckets_of(page("a#2"))[1] == bucket_of("a")


def test_hosts_of_one_registrable_domain_have_one_bucket() -> None:
    for url in ("https://www.a.co.uk/x", "https://a.co.uk/y", "https://blog.news.a.co.uk/"):
        assert buckets_of(page("d", url))[0] == bucket_of("a.co.uk")


def test_a_document_without_a_domain_has_the_bucket_of_its_document() -> None:
    assert buckets_of(page("a#1")) == (bucket_of("a"), bucket_of("a"))


def test_a_document_that_is_labelled_as_a_duplicate_has_the_bucket_of_the_other_document() -> None:
    assert buckets_of(page("b", duplicate_of="a#3"))[1] == buckets_of(page("a"))[1]


def test_a_joined_sample_is_split_off_with_any_of_its_documents() -> None:
    members = [{"id": f"d{n}", "url": f"https://h{n}.example/"} for n in range(19)]
    members.append({"id": "d19", "url": "", "duplicate_of": "other"})
    names = [f"d{n}" for n in range(19)] + ["other"]
    assert buckets_of(page("d0"), members) == (
        max(bucket_of(f"h{n}.example") for n in range(19)),
        max(map(bucket_of, names)),
    )
