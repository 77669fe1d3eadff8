"""Formulas are text once, as TeX where the page has it; those that stand alone have a role of their own."""

from __future__ import annotations

import pytest

from interloom.schemas.document import Document, Text
from interloom.schemas.outcome import Dropped
from interloom.stages.extract_html import ExtractHtml
from interloom.stages.extract_html.formulas import is_tex

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
        ("<mjx-container aria-label='h equals a t squared'><svg></svg></mjx-container>", "h equals a t squared"),
        ("<span class='mjx-chtml'><span class='mjx-math' aria-label='h = a t^2'><span>h</span></span></span>", "h = a t^2"),
        ("<span class='mjpage'><svg><title>h = a t^2</title></svg></span>", "h = a t^2"),
        ("<span class='ql-formula' data-value='h = a t^2'><span class='katex'>h</span></span>", "h = a t^2"),
        ("<span class='mathquill-rendered-math'><span class='selectable'>$h = a t^2$</span><var>h</var></span>", "h = a t^2"),
        ("<span data-math='h = a t^2'></span>", "h = a t^2"),
        ("<math-renderer>$h = a t^2$</math-renderer>", "h = a t^2"),
        ("<script type='math/mml'><math><mi>h</mi><mo>=</mo><mi>a</mi></math></script>", "h = a"),
        (r"<svg role='img' aria-label='\frac{a}{b}'></svg>", r"\frac{a}{b}"),
        ("<svg role='img' aria-label='A pond'></svg>", ""),
    ],
)  # fmt: skip
def test_a_formula_in_a_sentence_is_read_once(formula: str, text: str) -> None:
    assert texts_of(f"<p>The ice grows as {formula} in still air.</p>") == (
        [("paragraph", " ".join(f"The ice grows as {text} in still air.".split()))],
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
        "<img src='/cgi-bin/mimetex.cgi?h = a t^2'>",
        "<img src='https://render.example/render/math?math=h%20%3D%20a%20t%5E2'>",
        "<img src='/1.svg' alt='$h = a t^2$'>",
        "<img src='/1.svg' role='math' alt='h = a t^2'>",
        "<img class='texrender' title='h = a t^2' src='/1.gif'>",
        "<span class='equation'><img src='/1.png' alt='h = a t^2'></span>",
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
        "<div class='math'><p><img src='/1.png' alt='h = a t^2'></p></div>",
        "<disp-formula><img src='/1.png' alt='h = a t^2'></disp-formula>",
    ],
)
def test_a_formula_that_stands_alone_has_the_role_formula(formula: str) -> None:
    assert texts_of(f"<p>The ice grows as</p>{formula}<p>in still air, as long as it does not snow.</p>")[0] == [
        ("paragraph", "The ice grows as"),
        ("formula", "h = a t^2"),
        ("paragraph", "in still air, as long as it does not snow."),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\frac{a}{b}", True),
        ("$x$", True),
        ("$5 and $6", False),
        (r"C:\my_pond", False),
        (r"C:\topic", False),
        ("a pond", False),
    ],
)
def test_a_text_is_tex_between_delimiters_or_with_a_command(text: str, expected: bool) -> None:
    assert is_tex(text) is expected
