from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from interloom.filters._blocklist import missing_file_problem, read_entries
from interloom.filters._judge import DocumentJudge
from interloom.pipeline.contents import Need
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop

_HOST = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//(?:[^/?#@]*@)?([^/?#:]*)")
_MAX_HOST_CHARACTERS = 255
"""No host name is longer (RFC 1035, section 2.3.4)."""
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, kw_only=True)
class UrlBlocklist(DocumentJudge):
    """Drops documents whose URL contains a blocked word or part of a word, or is on a blocked domain.

    A document without a URL stays. The default words and parts are our own short choice; OBELICS blocks porn, xxx and sex.

    Parameters:
        words: Blocked words, compared with whole words of the URL without regard to case, so that Essex and Sussex stay
            (`url_word_blocked`). Default: eleven words, our choice.
        parts: Character sequences that are blocked inside words, too (`url_part_blocked`). Default: four, our choice.
        domains: Blocked domains, with all their subdomains (`domain_blocked`). Default: none.
        file: A file, local or `s3://`, with one more entry a line: a domain if it contains a dot, else a word. For example the
            UT1 lists that RefinedWeb uses (arXiv 2306.01116, appendix G.1). Default: no file.
    """

    words: tuple[str, ...] = ("sex", "sexy", "xxx", "nude", "nudes", "hentai", "escort", "escorts", "camgirl", "camgirls", "milf")
    parts: tuple[str, ...] = ("porn", "xvideos", "xhamster", "sexcam")
    domains: tuple[str, ...] = ()
    file: str = ""

    def needs(self) -> Iterable[Need]:
        return ()

    def check(self) -> Iterable[str]:
        return missing_file_problem("filters.url_blocklist", self.file)

    def files(self) -> Iterable[str]:
        return [self.file] if self.file else []

    def judge(self, doc: Document) -> Drop | None:
        url = doc.source.url.lower()
        if not url:
            return None
        host = _HOST.match(url)
        if host and self._is_blocked(host[1][:_MAX_HOST_CHARACTERS].rstrip(".")):
            return Drop("domain_blocked")
        if not self._blocked_words.isdisjoint(_WORD.findall(url)):
            return Drop("url_word_blocked")
        return Drop("url_part_blocked") if any(part in url for part in self._blocked_parts) else None

    def _is_blocked(self, host: str) -> bool:
        """Returns whether the host or a domain above it is blocked: for a.b.org it looks up a.b.org, b.org and org."""
        while host and host not in self._blocked_domains:
            host = host.partition(".")[2]
        return bool(host)

    @cached_property
    def _file_entries(self) -> list[str]:
        return read_entries((), self.file)

    @cached_property
    def _blocked_words(self) -> frozenset[str]:
        return frozenset(read_entries(self.words, "")).union(entry for entry in self._file_entries if "." not in entry)

    @cached_property
    def _blocked_domains(self) -> frozenset[str]:
        return frozenset(read_entries(self.domains, "")).union(entry for entry in self._file_entries if "." in entry)

    @cached_property
    def _blocked_parts(self) -> list[str]:
        return read_entries(self.parts, "")
