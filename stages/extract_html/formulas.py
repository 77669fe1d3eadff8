"""Formulas: the TeX that a page has for them, else their text; from MathML, KaTeX, MathJax, pictures of formulas, attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from selectolax.lexbor import LexborHTMLParser

Attributes = Mapping[str, str | None]
_TEX_ATTRIBUTES = ("data-tex", "data-latex", "data-formula", "data-equation", "data-katex", "data-expr", "data-math", "alttext")
_TEX_ENCODING = re.compile(r"tex", re.IGNORECASE)
_SCRIPT_TYPE = re.compile(r"math/(?:tex|asciimath|mml)", re.IGNORECASE)
_RENDERED = re.compile(r"(?:^|\s)(?:MathJax(?:_\w+)?|mjx-chtml|mjx-math|mjpage\w*|ql-formula|mathquill-rendered-math)(?:\s|$)")
_TEX = re.compile(
    r"\$[^$]+\$|\\\(.+\\\)|\\\[.+\\\]|.*\\(?:d?frac|sqrt|sum|int|prod|lim|infty|partial|nabla|left|right|begin|cdot|times|leq?|geq?|neq"
    r"|approx|to|math(?:bb|bf|rm|cal|it)|text|vec|hat|bar|over(?:line)?|displaystyle|alpha|beta|gamma|delta|epsilon|theta|lambda|mu"
    r"|pi|rho|sigma|phi|psi|omega|Delta|Sigma|Omega|Gamma|Phi)(?![a-zA-Z]).*",
    re.DOTALL,
)
"""A text that is TeX: it stands between delimiters, or has a usual command."""
_MATH_CLASS = re.compile(r"(?:^|\s)(?:math|tex|latex|equation|formula|eq)(?:\s|$)", re.IGNORECASE)
_KATEX = re.compile(r"(?:^|\s)katex(?:-display)?(?:\s|$)")
_DISPLAY = re.compile(r"display|block|center", re.IGNORECASE)
_FORMULA_IMAGE_CLASS = re.compile(
    r"(?:^|\s)(?:tex|latex|math|equation|formula|mwe-math-fallback-image-\w+|ql-img-\w+-formula|wirisformula|mathjax|math-inline|math-display"
    r"|ee_img|texrender|inline-?formula|disp-?formula|(?:inline|display)-?(?:math|equation))(?:\s|$)",
    re.IGNORECASE,
)
_FORMULA_IMAGE_URL = re.compile(
    r"latex\.codecogs\.com|/latex\.php\?|/equation\?tex=|[?&]cht=tx|/mathtex\.cgi|/mimetex\.cgi|/math/render/|/render/math\?|/quicklatex|/svg\.image\?",
    re.IGNORECASE,
)
_TEX_PARAMETERS = ("tex", "latex", "chl", "math")
_DELIMITERS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"))
_DISPLAYSTYLE = re.compile(r"\{\\(?:display|text)style\s*(.*)\}\s*", re.DOTALL)
_BRACKETED = {
    "mfrac": "({})/({})",
    "msup": "{}^{}",
    "msub": "{}_{}",
    "mroot": "root({}, {})",
    "msubsup": "{}_{}^{}",
    "munderover": "{}_{}^{}",
}
_BRACKETED |= {"mover": "{}^{}", "munder": "{}_{}"}
_NOT_TEXT = frozenset(("annotation", "annotation-xml", "mphantom", "script", "style"))
_MAX_DEPTH = 60
"""MathML nested deeper is read as plain text. Our choice."""
_MAX_CHARS = 20_000
"""A longer formula is cut. Our choice."""
_MATH_TAGS = ("math", "m:math", "mml:math", "ml:math")
FORMULA_TAGS = frozenset(
    (
        *_MATH_TAGS,
        *("mjx-container", "d-math", "tex-math", "amp-mathml", "jats:tex-math", "math-renderer", "math-field"),
        *("inline-formula", "disp-formula"),
    )
)
"""Elements that are formulas."""


@dataclass(frozen=True, slots=True)
class Formula:
    """The TeX or text of a formula, and whether it stands alone."""

    text: str
    is_display: bool


def formula_script(parsed: Any) -> Formula | None:
    """The formula in a `script` that MathJax reads: `<script type="math/tex; mode=display">`; None in other scripts."""
    kind = parsed.attributes.get("type") or ""
    if not _SCRIPT_TYPE.match(kind):
        return None
    text = parsed.text() or ""
    math = LexborHTMLParser(text).css_first("math") if "mml" in kind.lower() else None
    return Formula(math_text(math) if math is not None else _clean(text), "display" in kind)


def formula_image(attributes: Attributes) -> Formula | None:
    """The formula that an `img` shows, by its class or address; None for other pictures, and without its text."""
    names, src = attributes.get("class") or "", attributes.get("src") or ""
    is_named = _FORMULA_IMAGE_CLASS.search(names) or _FORMULA_IMAGE_URL.search(src) or "eeimg" in attributes
    if not (is_named or attributes.get("role") == "math" or is_tex(attributes.get("alt") or "")):
        return None
    values = (attributes.get(name) for name in (*_TEX_ATTRIBUTES, "alt", "title"))
    text = next((value for value in values if value), "") or _tex_in_url(src)
    return Formula(_clean(text), _DISPLAY.search(names) is not None) if _clean(text) else None


def formula_element(tag: str, attributes: Attributes, parsed: Any) -> Formula | None:
    """The formula that an element is; None if it is none, or if a script after it has its TeX."""
    names = attributes.get("class") or ""
    is_display = _DISPLAY.search(f"{names} {attributes.get('display') or ''} {attributes.get('mode') or ''}") is not None
    is_display = is_display or attributes.get("display") == "true" or tag.startswith("disp")
    tex = next((value for name in _TEX_ATTRIBUTES if (value := attributes.get(name))), "")
    if tex:
        return Formula(_clean(tex), is_display)
    if tag in _MATH_TAGS:
        return Formula(math_text(parsed), is_display)
    if tag in FORMULA_TAGS or _KATEX.search(names) or "mwe-math-element" in names or _RENDERED.search(names):
        if _RENDERED.search(names) and _has_script_after(parsed):
            return Formula("", False)
        return Formula(_text_inside(attributes, parsed), is_display)
    if _MATH_CLASS.search(names) and (picture := parsed.css_first("img[alt]")) is not None and not (parsed.text() or "").strip():
        return Formula(_clean(picture.attributes.get("alt") or ""), is_display or tag == "div")
    return None


def _text_inside(attributes: Attributes, parsed: Any) -> str:
    """The text of the MathML in a rendered formula, else of a picture's `alt`, else what is rendered."""
    markup = attributes.get("data-mathml")
    if markup is None and (holder := parsed.css_first("[data-mathml]")) is not None:
        markup = holder.attributes.get("data-mathml")
    math = LexborHTMLParser(markup).css_first("math") if markup else parsed.css_first("math")
    if math is not None:
        return math_text(math)
    picture = parsed.css_first("img[alt]")
    if picture is not None:
        return _clean(picture.attributes.get("alt") or "")
    stated = attributes.get("data-value") or attributes.get("aria-label") or _stated_inside(parsed)
    rendered = parsed.css_first(".katex-html") or parsed.css_first(".selectable") or parsed
    return _clean(stated or rendered.text() or "")


def _stated_inside(parsed: Any) -> str:
    """What an element in a formula says that it shows: its label, or the title of a drawing."""
    labelled = parsed.css_first("[aria-label]")
    if labelled is not None:
        return labelled.attributes.get("aria-label") or ""
    title = parsed.css_first("svg title")
    return (title.text() or "") if title is not None else ""


def formula_drawing(attributes: Attributes, parsed: Any) -> Formula | None:
    """The formula that an `svg` shows, if its label or title is TeX or its role is `math`; None for other drawings."""
    label = attributes.get("aria-label") or ""
    if not label and (title := parsed.css_first("title")) is not None:
        label = title.text() or ""
    is_formula = bool(label) and (attributes.get("role") == "math" or is_tex(label))
    return Formula(_clean(label), False) if is_formula else None


def is_tex(text: str) -> bool:
    """Whether a text is TeX: `"$x$"`, `"\\frac{a}{b}"` -> True; `"$5 and $6"` -> False."""
    return ("$" in text or "\\" in text) and _TEX.fullmatch(text.strip()) is not None


def _has_script_after(parsed: Any) -> bool:
    """Whether a `script` with the TeX follows what MathJax has rendered, or is in it."""
    following, steps = parsed.next, 0
    while following is not None and steps < 3:
        if following.tag == "script":
            return _SCRIPT_TYPE.match(following.attributes.get("type") or "") is not None
        following, steps = following.next, steps + 1
    return False


def math_text(math: Any) -> str:
    """The TeX of a `math` element: its annotation or `alttext`; else its text, `x^2` for `msup`, `(a)/(b)` for `mfrac`."""
    for annotation in math.css("annotation"):
        if _TEX_ENCODING.search(annotation.attributes.get("encoding") or ""):
            return _clean(annotation.text() or "")
    tex = math.attributes.get("alttext")
    return _clean(tex) if tex else _clean(_plain(math, 0))


def _plain(node: Any, depth: int) -> str:
    if depth > _MAX_DEPTH:
        return node.text() or ""
    parts, child = list[str](), node.child
    while child is not None:
        if child.tag == "-text":
            parts.append((child.text_content or "").strip())
        elif child.tag not in _NOT_TEXT and child.tag[:1] != "-":
            parts.append(_plain(child, depth + 1))
        child = child.next
    parts = [part for part in parts if part]
    name = node.tag.rpartition(":")[2]
    pattern = _BRACKETED.get(name)
    if pattern is not None and pattern.count("{}") == len(parts):
        return pattern.format(*(_grouped(part) if name != "mfrac" else part for part in parts))
    text = "".join(parts) if depth and name not in ("mrow", "mtr", "mtable", "semantics", "mstyle") else " ".join(parts)
    return f"√({text})" if name == "msqrt" else text


def _grouped(part: str) -> str:
    return f"({part})" if " " in part else part


def _tex_in_url(src: str) -> str:
    """The TeX in the address of a picture: `"https://a.org/equation?tex=x%5E2"` -> `"x^2"`."""
    try:
        query = urlsplit(src).query
    except ValueError:
        return ""
    pairs = dict(parse_qsl(query))
    named = next((pairs[name] for name in _TEX_PARAMETERS if name in pairs), "")
    is_bare = "mimetex.cgi" in src or "mathtex.cgi" in src or "=" not in query.partition("%")[0]
    return named or (unquote(query) if is_bare else "")


def _clean(tex: str) -> str:
    """Without delimiters and `\\displaystyle`, with single blanks: `"$$ x^2 $$"` -> `"x^2"`."""
    text = " ".join(tex[:_MAX_CHARS].split())
    for start, end in _DELIMITERS:
        if text.startswith(start) and text.endswith(end) and len(text) > len(start) + len(end):
            text = text[len(start) : -len(end)].strip()
            break
    match = _DISPLAYSTYLE.fullmatch(text)
    return match[1].strip() if match else text
