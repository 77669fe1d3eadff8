import pytest

from interloom.filters.url_blocklist import UrlBlocklist
from interloom.schemas.document import Document, Source
from interloom.schemas.outcome import Drop, Dropped


def _judge(url, **parameters):
    (outcome,) = UrlBlocklist(**parameters).process([Document(id="d", source=Source(url=url))])
    return outcome.drop if isinstance(outcome, Dropped) else None


@pytest.mark.parametrize(
    "url", ["https://freeporn.example/", "http://x.org/XXX/1", "http://sex-shop.org", "https://x.org/a?tag=hentai"]
)
def test_unwanted_addresses_are_dropped(url):
    assert _judge(url).reason in {"url_word_blocked", "url_part_blocked"}


@pytest.mark.parametrize(
    "url",
    ["https://www.essex.ac.uk/", "https://x.org/sussex.html", "", "not a url", "http://[::1", "https://://", "//"],
)
def test_innocent_and_broken_addresses_stay(url):
    assert _judge(url) is None


@pytest.mark.parametrize(
    "url", ["https://bad.org/", "HTTP://WWW.BAD.ORG:8080/x", "https://user:pw@a.b.bad.org", "//bad.org./x", "ftp://bad.org?x"]
)
def test_a_domain_is_blocked_with_its_subdomains(url):
    assert _judge(url, domains=("Bad.org",)) == Drop("domain_blocked")


@pytest.mark.parametrize(
    "url", ["https://notbad.org/", "https://bad.org.uk/", "https://x.org/bad.org", "https://x.org/?u=//bad.org/"]
)
def test_a_domain_with_a_similar_name_is_not_blocked(url):
    assert _judge(url, domains=("bad.org",)) is None


def test_a_file_adds_domains_and_words(tmp_path):
    listed = tmp_path / "list.txt"
    listed.write_bytes("\ufeff# comment\r\nbad.org\r\n\r\nGambling\r\n\xff\r\n".encode())
    assert _judge("https://a.bad.org/", file=str(listed)) == Drop("domain_blocked")
    assert _judge("https://x.org/gambling", file=str(listed)) == Drop("url_word_blocked")
    assert _judge("https://x.org/sex", file=str(listed)) == Drop("url_word_blocked")
    assert _judge("https://x.org/", file=str(listed)) is None


def test_a_missing_file_is_found_by_check(tmp_path):
    (problem,) = UrlBlocklist(file=str(tmp_path / "none.txt")).check()
    assert problem.startswith("filters.url_blocklist: the file ")
    assert not list(UrlBlocklist().check())


@pytest.mark.timeout(60)  # quadratic work would take hours
def test_a_long_address_costs_little():
    _judge("https://" + "a." * 100_000 + "org/" + "@" * 100_000, domains=("bad.org",))
