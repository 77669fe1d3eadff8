"""What a class says about the screens on which an element is shown, in the words of Bootstrap, Foundation, Bulma and Tailwind.

A page counts as it is on a desktop.
"""

from __future__ import annotations

import re

_SHOWN_ON_DESKTOPS = re.compile(
    r"(?<!\S)(?:(?:is-|u-)?hid(?:e|den)-(?:on-|for-)?(?:(?:xs|sm|phones?|mobiles?|touch|small|portrait|handheld)(?!\S*-up)|print)\S*"
    r"|(?:xs|sm|phone|mobile|small|print)-hid(?:e|den)|(?:max-\S+|print):hidden)(?!\S)|(?<!\S)hidden(?=\s.*?(?<!\S)(?:sm|md|lg|xl|2xl):"
    r"(?:block|flex|grid|table|contents|inline))",
    re.IGNORECASE,
)
"""Names that hide an element on small screens or on paper alone."""
_MAX_NAME_CHARS = 400
"""The rest of a longer class is ignored, as in `class_names.py`. Our choice; bounds time."""
_SCREEN = re.compile(r"xs|sm|md|lg|xl|small|medium|large|mobile|phone|tablet|desktop|touch", re.IGNORECASE)
_SHOWN = re.compile(r"hid|visible|show|only|none", re.IGNORECASE)


def without_shown(names: str) -> str:
    """A class without the names that hide an element elsewhere than on desktops: `"col hidden-xs"` -> `"col "`."""
    return _SHOWN_ON_DESKTOPS.sub("", names[:_MAX_NAME_CHARS]) if "hid" in names else names


def are_for_some_screens(names: str) -> bool:
    """Whether a class says that only some screens show an element: `"d-none d-md-block"`, `"mobile-only"` -> True."""
    return any(_SCREEN.search(name) and _SHOWN.search(name) for name in names.split())
