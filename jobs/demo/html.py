"""Renders an article as a web page, with the boilerplate of real sites around it: menus, footers, cookie notices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from interloom.jobs.demo.text import Article

PLACEHOLDER = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
SITES = ("The Evening Notebook", "Hands and Tools", "A Small Almanac")


@dataclass(frozen=True, slots=True)
class Figure:
    """An image in a page: `url` is its absolute URL, `src` the reference in the page, `variant` the kind of markup (plain, srcset
    or lazy)."""

    url: str
    src: str
    caption: str = ""
    variant: str = "plain"

    @property
    def markup(self) -> str:
        src, alt = escape(self.src), escape(self.caption)
        image = f'<img src="{src}" alt="{alt}">'
        if self.variant == "lazy":
            image = f'<img class="lazyload" src="{PLACEHOLDER}" data-src="{src}" alt="{alt}">'
        if self.variant == "srcset":
            stem, _, ending = src.rpartition(".")
            small = f"{stem}-small.{ending}"
            image = f'<img src="{PLACEHOLDER}" srcset="{small} 120w, {src} 256w" sizes="100vw" alt="{alt}">'
        caption = f"<figcaption>{alt}</figcaption>" if alt else ""
        return f"<figure>{image}{caption}</figure>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The parts of a page; `links` are pairs (URL, title) of other pages, `theme` is the number of its layout, `base` the href
    of its `<base>` element."""

    article: Article
    figures: Sequence[Figure] = ()
    links: Sequence[tuple[str, str]] = ()
    theme: int = 0
    base: str = ""


def render(page: Page) -> str:
    """The page as HTML; its figures are spread evenly between the paragraphs."""
    layout = (_magazine, _blog, _almanac)[page.theme % 3]
    title = f"<title>{escape(page.article.title)} - {SITES[page.theme % 3]}</title>"
    base = f'<base href="{escape(page.base)}">' if page.base else ""
    head = f'<meta charset="utf-8">{base}{title}<style>body {{ margin: 0 }} .lead {{ font-size: 2em }}</style>'
    script = "<script>window.dataLayer = window.dataLayer || []; function track(e) { dataLayer.push(e); }</script>"
    return f'<!doctype html>\n<html lang="en">\n<head>{head}{script}</head>\n<body>{layout(page)}</body>\n</html>\n'


def content(page: Page) -> str:
    """The article's blocks and figures in reading order."""
    blocks = [f"<h2>{escape(b[2:])}</h2>" if b.startswith("# ") else f"<p>{escape(b)}</p>" for b in page.article.blocks]
    for number, figure in reversed(list(enumerate(page.figures))):
        at = max(1, (number + 1) * len(blocks) // (len(page.figures) + 1))
        at += at < len(blocks) and blocks[at - 1].startswith("<h2>")
        blocks.insert(at, figure.markup)
    return "\n".join(blocks)


def _magazine(page: Page) -> str:
    return f"""
<div id="cookie-banner" class="cookie-consent" role="dialog"><p>We use cookies to improve your visit.</p>
<button>Accept all</button> <button>Settings</button></div>
<header class="site-header"><a href="/"><img src="/theme/site-logo.png" alt="{SITES[0]}"></a>
<nav><ul><li><a href="/">Home</a></li><li><a href="/latest">Latest</a></li><li><a href="/about">About</a></li></ul></nav></header>
<main><article><h1>{escape(page.article.title)}</h1><p class="byline">By {page.article.author}</p>
{content(page)}
</article></main>
<aside class="sidebar related-links"><h3>Related stories</h3>{_list(page)}</aside>
<footer class="site-footer"><p>Copyright 2024 {SITES[0]}. All rights reserved.</p><a href="/privacy">Privacy</a></footer>"""


def _blog(page: Page) -> str:
    return f"""
<div class="top"><nav class="menu"><a href="/">Start</a> <a href="/archive">Archive</a> <a href="/contact">Contact</a></nav></div>
<div id="content" class="post"><h1 class="entry-title">{escape(page.article.title)}</h1>
<div class="entry-content">
{content(page)}
</div></div>
<div class="share-buttons"><a href="#">Share</a> <a href="#">Tweet</a> <a href="#">Print</a></div>
<div id="sidebar" class="widget-area"><div class="widget"><h4>Recent posts</h4>{_list(page)}</div>
<form class="newsletter"><label>Your mail</label><input type="email"><button>Subscribe</button></form></div>
<div id="footer" class="footer">Powered by patience. Theme by {page.article.author}.</div>
<div class="cookie-notice">This site sets cookies. <a href="/cookies">Learn more</a></div>"""


def _almanac(page: Page) -> str:
    return f"""
<header role="banner"><h3>{SITES[2]}</h3><form role="search"><input name="q"><button>Search</button></form></header>
<nav class="breadcrumb"><a href="/">Index</a> &gt; <a href="/topics">Topics</a></nav>
<main id="main"><section class="article-body"><h1>{escape(page.article.title)}</h1>
{content(page)}
</section></main>
<nav class="pager related"><h4>Read next</h4>{_list(page)}</nav>
<footer><ul><li><a href="/terms">Terms</a></li><li><a href="/imprint">Imprint</a></li></ul></footer>"""


def _list(page: Page) -> str:
    return "<ul>" + "".join(f'<li><a href="{escape(url)}">{escape(title)}</a></li>' for url, title in page.links) + "</ul>"
