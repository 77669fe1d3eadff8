"""Every way by which a page shows a picture: the picture is an image where it stands, or has a row with the reason."""

from __future__ import annotations

from typing import Literal

import pytest

from interloom.schemas.document import Document, Image, Source, Text
from interloom.schemas.outcome import Dropped
from interloom.stages.extract_html import ExtractHtml

WORDS = "The pond behind the orchard freezes late, because a spring under the willow keeps the water moving through the winter."
STYLE = "background-image: url(/i/{n}.jpg)"
SHOWN = {
    "img": "<img src='/i/{n}.jpg'>",
    "img with a set of sources": "<img srcset='/i/{n}.jpg 800w'>",
    "img for scripts": "<img data-src='/i/{n}.jpg' src='data:image/gif;base64,R0lG'>",
    "picture": "<picture><source srcset='/i/{n}.jpg'><img alt='Ice'></picture>",
    "picture without img": "<picture><source srcset='/i/{n}.jpg 2x'></picture>",
    "noscript": "<noscript><img src='/i/{n}.jpg'></noscript>",
    "amp-img": "<amp-img src='/i/{n}.jpg' width=800 height=600></amp-img>",
    "amp-anim": "<amp-anim src='/i/{n}.jpg'></amp-anim>",
    "image in HTML": "<image src='/i/{n}.jpg'>",
    "image in SVG": "<svg viewBox='0 0 8 6'><image href='/i/{n}.jpg'/></svg>",
    "image in SVG with XLink": "<svg><defs></defs><g><image xlink:href='/i/{n}.jpg'></image></g></svg>",
    "img in SVG": "<svg><foreignObject><img src='/i/{n}.jpg'></foreignObject></svg>",
    "object": "<object data='/i/{n}.jpg' type='image/jpeg'>Ice</object>",
    "object without type": "<object data='/i/{n}.jpg'></object>",
    "fallback of a plug-in": "<object data='/i/pond.swf' type='application/x-shockwave-flash'><img src='/i/{n}.jpg'></object>",
    "embed": "<embed src='/i/{n}.jpg'>",
    "iframe": "<iframe src='/i/{n}.jpg'></iframe>",
    "poster of a clip without address": "<video poster='/i/{n}.jpg'></video>",
    "background by its role": "<div role='img' aria-label='Ice' style='" + STYLE + "'></div>",
    "background by its name": "<div class='hero-image' style='" + STYLE + "'></div>",
    "background with quotes": '<div class="photo" style="background: #fff URL(&quot;/i/{n}.jpg&quot;) center"></div>',
    "background in a figure": "<figure><div style='" + STYLE + "'></div><figcaption>Ice</figcaption></figure>",
    "background for scripts": "<div class='image lazy' data-bg='/i/{n}.jpg'></div>",
    "background for scripts with url": "<div class='image lazy' data-background-image='url(/i/{n}.jpg)'></div>",
    "background for scripts as a set": "<div class='image lazyload' data-bgset='/i/s.jpg 300w, /i/{n}.jpg 800w'></div>",
    "custom element": "<progressive-image src='/i/{n}.jpg'></progressive-image>",
    "shadow root": "<pond-picture><template shadowrootmode='open'><img src='/i/{n}.jpg'></template></pond-picture>",
}
LEFT_OUT = {
    "button": ("<input type='IMAGE' src='/i/{n}.jpg'>", "control"),
    "background of text": ("<div style='" + STYLE + "'><p>" + WORDS + "</p></div>", "background"),
    "background of a cell": ("<table><tr><td background='/i/{n}.jpg'>Ice is here</table>", "background"),
    "bullet of a list": ("<ul style='list-style-image: url(/i/{n}.jpg)'><li>Ice is here</ul>", "background"),
    "filter": ("<svg><filter><feImage href='/i/{n}.jpg'/></filter></svg>", "background"),
    "poster of a clip": ("<video src='/v/pond.mp4' poster='/i/{n}.jpg'></video>", "preview"),
    "fallback of a clip": ("<video src='/v/ice.mp4'><img src='/i/{n}.jpg'></video>", "preview"),
    "placeholder of a frame": (
        "<amp-iframe src='https://player.vimeo.com/8'><amp-img placeholder src='/i/{n}.jpg'></amp-img></amp-iframe>",
        "preview",
    ),
    "fallback of a picture": ("<object data='/i/pond.svg' type='image/svg+xml'><img src='/i/{n}.jpg'></object>", "preview"),
    "glyph": ("<math><mi><mglyph src='/i/{n}.jpg' alt='psi'></mi></math>", "formula"),
    "template": ("<template><p><img src='/i/{n}.jpg'></p></template>", "in_boilerplate"),
    "hidden background": ("<div hidden><div class='image' style='" + STYLE + "'></div></div>", "in_boilerplate"),
    "source in navigation": ("<nav><picture><source srcset='/i/{n}.jpg'></picture></nav>", "in_boilerplate"),
    "drawing in navigation": ("<nav><svg><image href='/i/{n}.jpg'/></svg></nav>", "in_boilerplate"),
    "option": ("<select><option><img src='/i/{n}.jpg'></option></select>", "in_boilerplate"),
    "ruby": ("<p>" + WORDS + " <ruby>Ice<rt><img src='/i/{n}.jpg'></rt></ruby></p>", "in_boilerplate"),
    "canvas": ("<canvas><img src='/i/{n}.jpg'></canvas>", "in_boilerplate"),
    "copy for browsers without scripts": (
        "<p><img data-src='/i/{n}.jpg'><noscript><img src='/i/{n}.jpg'></noscript></p>",
        "same_picture",
    ),
}
Engine = Literal["interloom", "trafilatura"]


def article(*parts: str) -> bytes:
    """An article with these parts between paragraphs, in which `{n}` is the number of the part."""
    content = "".join(f"{part.replace('{n}', str(n))}<p>{WORDS} Paragraph {n}.</p>" for n, part in enumerate(parts))
    return f"<html><body><article><h1>The pond</h1><p>{WORDS}</p>{content}<p>{WORDS} End.</p></article></body></html>".encode()


def extracted(html: bytes, engine: Engine = "interloom") -> tuple[Document, list[Dropped]]:
    source = Source(url="https://garden.example/")
    *dropped, doc = ExtractHtml(engine=engine).process([Document(id="d", source=source, body=html)])
    assert isinstance(doc, Document)
    return doc, [outcome for outcome in dropped if isinstance(outcome, Dropped)]


@pytest.mark.parametrize("kind", SHOWN)
def test_a_picture_that_readers_see_is_an_image_where_it_stands(kind: str) -> None:
    doc, dropped = extracted(article("", SHOWN[kind]))
    images = [element for element in doc.elements if isinstance(element, Image)]
    assert ([image.url for image in images], dropped) == (["https://garden.example/i/1.jpg"], [])
    before = [e.text for e in doc.elements[: images[0].position] if isinstance(e, Text)]
    assert before[-1] == f"{WORDS} Paragraph 0."


@pytest.mark.parametrize("kind", LEFT_OUT)
def test_a_picture_that_is_no_content_has_a_row(kind: str) -> None:
    markup, reason = LEFT_OUT[kind]
    _, dropped = extracted(article("", markup))
    assert [(row.url, row.drop.reason) for row in dropped] == [("https://garden.example/i/1.jpg", reason)]


@pytest.mark.parametrize("engine", ["interloom", "trafilatura"])
def test_a_script_is_no_picture_wherever_its_address_leads(engine: Engine) -> None:
    script = "<script src='//img.garden.example/7f3'></script>"
    _, dropped = extracted(article(f"<nav>{script}<a href=/>Home</a></nav>", script), engine)
    assert dropped == []


@pytest.mark.parametrize("engine", ["interloom", "trafilatura"])
def test_pictures_are_kept_or_dropped_on_a_page_of_all_kinds(engine: Engine) -> None:
    shown = [markup for kind, markup in SHOWN.items() if kind != "fallback of a plug-in"]
    parts = [*shown, *(markup for kind, (markup, _) in LEFT_OUT.items() if "copy" not in kind)]
    doc, dropped = extracted(article(*parts), engine)
    rows = [image.url for image in doc.images] + [row.url for row in dropped]
    numbered = sorted(url for url in rows if not url.endswith(("pond.svg", "s.jpg", "R0lG", "/1.jpg?")))
    assert numbered == sorted(f"https://garden.example/i/{n}.jpg" for n in range(len(parts)))
