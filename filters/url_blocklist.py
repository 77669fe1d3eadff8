from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from interloom.filters._blocklist import entries, missing
from interloom.filters._judge import DocumentJudge
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop

_HOST = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//(?:[^/?#@]*@)?([^/?#:]*)")
_HOST_CHARACTERS = 255  # no host name is longer (RFC 1035, section 2.3.4)
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, kw_only=True)
class UrlBlocklist(DocumentJudge):
    """Drops documents by their URL: a whole word of it, a part of it, or its domain (with all below it).

    Whole words, so that Essex and Sussex stay; `parts` are found within words. `file` adds entries, one a line: with a dot
    a domain, else a word (for example the UT1 lists that RefinedWeb uses, arXiv 2306.01116, appendix G.1). The defaults
    are our own short choice; OBELICS bans porn, xxx and sex. A document without a URL stays.
    """

    words: tuple[str, ...] = ("sex", "sexy", "xxx", "nude", "nudes", "hentai", "escort", "escorts", "camgirl", "camgirls", "milf")
    parts: tuple[str, ...] = ("porn", "xvideos", "xhamster", "sexcam")
    domains: tuple[str, ...] = ()
    file: str = ""

    def check(self) -> Iterable[str]:
        return missing("filters.url_blocklist", self.file)

    def files(self) -> Iterable[str]:
        return [self.file] if self.file else []

    def judge(self, doc: Document) -> Drop | None:
        url = doc.source.url.lower()
        if not url:
            return None
        host = _HOST.match(url)
        if host and self._is_blocked(host[1][:_HOST_CHARACTERS].rstrip(".")):
            return Drop("domain_blocked")
        if not self._blocked_words.isdisjoint(_WORD.findall(url)):
            return Drop("url_word_blocked")
        return Drop("url_part_blocked") if any(part in url for part in self._blocked_parts) else None

    def _is_blocked(self, host: str) -> bool:
        while host and host not in self._blocked_domains:
            host = host.partition(".")[2]
        return bool(host)

    @cached_property
    def _listed(self) -> list[str]:
        return entries((), self.file)

    @cached_property
    def _blocked_words(self) -> frozenset[str]:
        return frozenset(entries(self.words, "")).union(entry for entry in self._listed if "." not in entry)

    @cached_property
    def _blocked_domains(self) -> frozenset[str]:
        return frozenset(entries(self.domains, "")).union(entry for entry in self._listed if "." in entry)

    @cached_property
    def _blocked_parts(self) -> list[str]:
        return entries(self.parts, "")
