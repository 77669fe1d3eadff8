"""Formulas are text once, as TeX where the page has it; those that stand alone have a role of their own."""

from __future__ import annotations

import pytest

from interloom.schemas.document import Document, Text
from interloom.schemas.outcome import Dropped
from interloom.stages.extract_html import ExtractHtml

WORDS = "The water of the pond loses its heat through the surface, and the ice that grows there slows the loss down."
MATH = "<mrow><mi>h</mi><mo>=</mo><mi>a</mi><msup><mi>t</mi><mn>2</mn></msup></mrow>"
TEX = "<annotation encoding='application/x-tex'>h = a t^2</annotation>"
MATHML = f"<math><semantics>{MATH}{TEX}</semantics></math>"
HIDDEN = "<span class='katex-html' aria-hidden='true'><span>h</span><span>=</span><span>at2</span></span>"


def texts_of(main: str) -> tuple[list[tuple[str, str]], list[str]]:
    """Roles and texts between the first and last paragraph, and the reasons of pictures that are dropped."""
    html = f"<article><h1>Of ice</h1><p>{WORDS} One.</p>{main}<p>{WORDS} Two.</p></article>"
    *dropped, doc = ExtractHtml().process([Document(id="d", body=html.encode())])
    assert isinstance(doc, Document)
    texts = [(text.role, text.text) for text in doc.elements if isinstance(text, Text)]
    return texts[2:-1], [row.drop.reason for row in dropped if isinstance(row, Dropped)]


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (f"<span class='katex'><span class='katex-mathml'>{MATHML}</span>{HIDDEN}</span>", "h = a t^2"),
        (f"<span class='katex'>{HIDDEN}</span>", "h=at2"),
        (f"<math>{MATH}</math>", "h = a t^2"),
        (f"<math alttext='h=at^{{2}}'>{MATH}</math>", "h=at^{2}"),
        ("<math><mfrac><mi>a</mi><mi>b</mi></mfrac></math>", "(a)/(b)"),
        ("<mml:math><mml:mi>h</mml:mi><mml:mo>=</mml:mo><mml:mi>a</mml:mi></mml:math>", "h = a"),
        ("<span class='MathJax'>h=at2</span><script type='math/tex'>h = a t^2</script>", "h = a t^2"),
        ("<span class='MathJax' data-mathml='&lt;math&gt;&lt;mi&gt;h&lt;/mi&gt;&lt;/math&gt;'>h h</span>", "h"),
        (f"<mjx-container><mjx-math></mjx-math><math>{MATH}</math></mjx-container>", "h = a t^2"),
        ("<span class='ztext-math' data-tex='h = a t^2'><span>h</span></span>", "h = a t^2"),
        ("<d-math>h = a t^2</d-math>", "h = a t^2"),
        (r"<amp-mathml data-formula='\(h = a t^2\)'></amp-mathml>", "h = a t^2"),
    ],
)  # fmt: skip
def test_a_formula_in_a_sentence_is_read_once(formula: str, text: str) -> None:
    assert texts_of(f"<p>The ice grows as {formula} in still air.</p>") == (
        [("paragraph", f"The ice grows as {text} in still air.")],
        [],
    )


@pytest.mark.parametrize(
    "picture",
    [
        "<img class='latex' src='/latex.php?latex=x' alt='h = a t^2'>",
        "<img src='https://latex.codecogs.com/png.latex?h%20%3D%20a%20t%5E2'>",
        "<img src='https://a.example/equation?tex=h+%3D+a+t%5E2' alt='' eeimg='1'>",
        f"<span class='mwe-math-element'><span style='display: none'>{MATHML}</span>"
        r"<img class='mwe-math-fallback-image-inline' alt='{\displaystyle h}' src='/svg/1'></span>",
    ],
)
def test_a_picture_of_a_formula_is_text_and_has_a_row(picture: str) -> None:
    assert texts_of(f"<p>The ice grows as {picture} in still air.</p>") == (
        [("paragraph", "The ice grows as h = a t^2 in still air.")],
        ["formula"],
    )


@pytest.mark.parametrize(
    "formula",
    [
        f"<span class='katex-display'><span class='katex'>{MATHML}{HIDDEN}</span></span>",
        f"<math display='block'>{MATH}</math>",
        "<script type='math/tex; mode=display'>h = a t^2</script>",
        f"<mjx-container display='true'><math>{MATH}</math></mjx-container>",
    ],
)
def test_a_formula_that_stands_alone_has_the_role_formula(formula: str) -> None:
    assert texts_of(f"<p>The ice grows as</p>{formula}<p>in still air, as long as it does not snow.</p>")[0] == [
        ("paragraph", "The ice grows as"),
        ("formula", "h = a t^2"),
        ("paragraph", "in still air, as long as it does not snow."),
    ]
