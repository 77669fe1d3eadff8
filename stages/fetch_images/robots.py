"""What a site's `robots.txt` lets us fetch (RFC 9309)."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from protego import Protego

from interloom.schemas.outcome import Drop
from interloom.stages.fetch_images.failure import FetchError

ROBOTS_BYTES = 500 << 10
"""What follows in a longer file is ignored (RFC 9309, section 2.5)."""
LONGEST_DELAY_S = 60.0
"""A longer `Crawl-delay` counts as this one. Seconds. Our choice."""
_COMPATIBLE = re.compile(r"\(compatible;\s*([A-Za-z_-]+)")
_PRODUCT = re.compile(r"[A-Za-z_-]+")


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a site for a crawler. Without a parsed file everything is allowed."""

    agent: str = ""
    parsed: Protego | None = None

    def allows(self, url: str) -> bool:
        """Whether the crawler may fetch the URL."""
        return self.parsed is None or self.parsed.can_fetch(url, self.agent)

    @property
    def delay_s(self) -> float:
        """The time between two requests that the site asks for (`Crawl-delay`, which Bing and Yandex read); 0 without one."""
        delay = self.parsed.crawl_delay(self.agent) if self.parsed else None
        return min(max(delay or 0.0, 0.0), LONGEST_DELAY_S)


def read_rules(status: int, body: bytes, agent: str) -> Rules:
    """The rules in the answer to a request for `robots.txt`.

    A file that is not there allows everything; of a site that cannot answer now nothing may be fetched (RFC 9309, section 2.3.1).

    Parameters:
        status: The status of the answer.
        body: The file.
        agent: The product token of the crawler.

    Raises FetchError (`robots_unreachable`) if the site cannot answer now.
    """
    if status == 429 or status >= 500:
        raise FetchError(Drop("robots_unreachable"), is_passing=True)
    if not 200 <= status < 300:
        return Rules()
    charset = "utf-16" if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    return Rules(agent, Protego.parse(body[:ROBOTS_BYTES].decode(charset, "replace")))


def product_token(user_agent: str) -> str:
    """The name by which `robots.txt` calls us (RFC 9309, section 2.2.1).

    Examples: "Mozilla/5.0 (compatible; interloom)" -> "interloom", "Lab-Bot/2 (+https://lab.example)" -> "Lab-Bot".
    """
    match = _COMPATIBLE.search(user_agent)
    if match:
        return match[1]
    product = _PRODUCT.search(user_agent)
    return product[0] if product else "interloom"
