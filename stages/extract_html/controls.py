"""Controls in headings and paragraphs, which are no text: permalinks, buttons, links to edit, notes for screen readers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from interloom.stages.extract_html.block_text import has_words

_ROLES = frozenset(("button", "tooltip", "switch", "checkbox", "menuitem", "tab", "toolbar", "menu", "status"))
_CONTROL_CLASS = re.compile(
    r"(?:^|[\s_-])(?:header-?link|header-?anchor|heading-?anchor|heading-?link|anchor-?js-link|anchor-?link|permalink|perma-?link|hash-?link|"
    r"deep-?link|direct-?link|section-?link|octicon-?link|(?:mw-)?edit-?section|edit-?link|copy(?:-?(?:link|button|btn|code))?|clipboard|"
    r"btn|button|tooltip-?(?:text|content|inner)|toggle|headeranchor|toc-?anchor|fragment-?link)(?:$|[\s_-])|(?:^|\s)anchor(?:\s|$)",
    re.IGNORECASE,
)
_UNSEEN_CLASS = re.compile(
    r"(?:^|\s)(?:sr-?only|visually-?hidden|visuallyhidden|screen-?reader(?:-text)?|u-visually-hidden|a11y-hidden|cdk-visually-hidden|"
    r"assistive-text|offscreen|furigana|ruby-text)(?:\s|$)",
    re.IGNORECASE,
)
_CONTROL_TEXT = re.compile(
    r"(?:#|¶|§|🔗|\[|[↑▲⇧^])?\s*(?:(?:copy |direct |perma|permanent |anchor |section )?link"
    r"(?: to (?:this|the) (?:heading|headline|section|definition))?"
    r"|permalink|anchor|edit(?: (?:this )?section| source)?|copy(?: code| to clipboard| link(?: to section)?)?|copied!?|share|top"
    r"|(?:back to |go to |return to )?top|bearbeiten|quelltext bearbeiten|nach oben|modifier|haut de page|editar|modifica|arriba"
    r"|listen|play(?: audio)?"
    r"|pause|show (?:more|less)|expand|collapse|close|print|tweet|like|follow|reply|info|kopieren|copier|copiar"
    r"|править|наверх|编辑|編集|复制(?:代码)?|複製|コピー|복사)\s*(?:\]|[↑▲⇧^])?",
    re.IGNORECASE,
)
_EDIT_URL = re.compile(r"[?&](?:ve)?action=edit|/_?edit(?:/|\?|$)")
_MAX_CLASSES = 4096
"""Classes that are remembered. Our choice; bounds memory."""
_MAX_CHARS = 80
"""A control with more text is read: it holds what the heading or paragraph says. Our choice."""
_LONG_CHARS = 1000
"""A heading or paragraph that is so much longer than a control has other words. Our choice; bounds time."""


class Prose:
    """A heading or paragraph that is being read, by its node of the parser; its text is computed when it is first asked for."""

    __slots__ = ("_text", "parsed", "tag")

    def __init__(self, tag: str, parsed: Any) -> None:
        self.tag, self.parsed = tag, parsed
        self._text: str | None = None

    def has_other_words(self, control: str) -> bool:
        """Whether the heading or paragraph has words beside those of a control in it."""
        if self._text is None:
            self._text = (self.parsed.text() or "").strip()
        head = self._text[: len(control) + _LONG_CHARS]
        return len(self._text) > len(control) and (len(head) < len(self._text) or has_words(head.replace(control, "", 1)))


def is_control(tag: str, attributes: Mapping[str, str | None], parsed: Any, holder: Prose) -> bool:
    """Whether an element of a heading or paragraph is a control, and other words are in it.

    `<h2><a href="#g">#</a> Guarding</h2>`: the link is one; in `<h3><button>Guarding</button></h3>` the button is the heading.

    Parameters:
        tag: The tag of the element.
        attributes: Its attributes.
        parsed: The element, a node of the parser.
        holder: The heading or paragraph.
    """
    names = attributes.get("class") or ""
    is_named = bool(names) and _names_control(names)
    may_be = tag in ("button", "a") or is_named or attributes.get("role") in _ROLES
    if not may_be or (tag == "a" and not is_named and not _may_be_control_link(attributes, holder)):
        return False
    own = (parsed.text() or "").strip()
    if holder.tag == "p" and attributes.get("role") != "tooltip" and _is_part_of_sentence(names, own, parsed):
        return False
    if len(own) > _MAX_CHARS or (tag == "a" and not is_named and not _is_control_link(attributes, parsed, own, holder)):
        return False
    return not has_words(own) or holder.has_other_words(own)


def is_control_text(text: str) -> bool:
    """Whether a text is that of a control: `"[edit source]"`, `"Copy link"`, `"¶"`."""
    return len(text) <= _MAX_CHARS and (not has_words(text) or _CONTROL_TEXT.fullmatch(text) is not None)


@lru_cache(maxsize=_MAX_CLASSES)
def _names_control(names: str) -> bool:
    """Whether a class says that an element is a control, or that readers do not see it."""
    return _CONTROL_CLASS.search(names) is not None or _UNSEEN_CLASS.search(names) is not None


def _may_be_control_link(attributes: Mapping[str, str | None], holder: Prose) -> bool:
    """Whether a link may be a control, as far as its attributes tell."""
    if "role" in attributes or "aria-hidden" in attributes or holder.tag != "p":
        return True
    return "#" in (attributes.get("href") or "#")


def _is_part_of_sentence(names: str, text: str, parsed: Any) -> bool:
    """Whether what looks like a control is a part of a sentence: readers see it, and it says what no control says."""
    if _UNSEEN_CLASS.search(names) or not has_words(text) or _CONTROL_TEXT.fullmatch(text):
        return False
    return stands_in_sentence(parsed)


def stands_in_sentence(parsed: Any) -> bool:
    """Whether a sentence goes on around an element: `The <b>hive</b> is` -> True, `It is. <b>Share</b> It was` -> False."""
    before, after = parsed.prev, parsed.next
    if before is None or after is None or before.tag != "-text" or after.tag != "-text":
        return False
    left, right = before.text_content.rstrip(), after.text_content.lstrip()
    return bool(left and right) and _goes_on(left[-1], ",;(“‘«–—-") and _goes_on(right[0], ",;.:!?)”’»–—-…")


def is_hidden(attributes: Mapping[str, str | None]) -> bool:
    """Whether an element is hidden from all readers: by its style, by `hidden`, or by a class for screen readers alone."""
    return (
        "hidden" in attributes
        or "none" in (attributes.get("style") or "")
        or _UNSEEN_CLASS.search(attributes.get("class") or "") is not None
    )


def _goes_on(character: str, marks: str) -> bool:
    return character.isalnum() or character in marks


def _is_control_link(attributes: Mapping[str, str | None], parsed: Any, text: str, holder: Prose) -> bool:
    """Whether a link is a control: a button by its role, hidden from screen readers, or a mark or word that stands for a link.

    In a heading also a link to the heading itself, or to where it is edited.
    """
    if attributes.get("role") in _ROLES or attributes.get("aria-hidden") == "true":
        return True
    href = attributes.get("href") or "#"
    if "#" in href and not has_words(text):
        return True
    if holder.tag == "p":
        return False
    own_place = href[1:] if href.startswith("#") else ""
    is_own = bool(own_place) and own_place == holder.parsed.attributes.get("id")
    seen = _seen_text(parsed, text)
    is_unseen = has_words(text) and not has_words(seen)
    return is_own or is_unseen or _EDIT_URL.search(href) is not None or _CONTROL_TEXT.fullmatch(seen) is not None


def _seen_text(parsed: Any, text: str) -> str:
    """The text of a link without what only screen readers read."""
    for node in parsed.css("[class]"):
        if _UNSEEN_CLASS.search(node.attributes.get("class") or ""):
            text = text.replace(node.text() or "", "", 1)
    return text.strip()
