"""What a reader sees of a text, and the form in which texts are compared.

Both follow Unicode: characters that are never shown (Default_Ignorable_Code_Point, controls) and equivalent forms (NFKC and case
folding, as in Unicode's NFKC_Casefold).
"""

from __future__ import annotations

import re
import unicodedata

_HYPHENATED = re.compile("\u00ad+[ \t]*\r?\n[ \t]*(?=[^\\W\\d_])")
"""A soft hyphen at the end of a line is shown, and the word goes on in the next line: both go."""
_NO_UTF8 = re.compile("[\udc80-\udcff]")
"""How `os.fsdecode` gives the bytes of a file name that is not UTF-8."""
_ESCAPED = re.compile(r"\\x([89a-f][0-9a-f])")
_COMPLEX = (
    "\u0600-\u08ff"  # Arabic, Syriac, Thaana, N'Ko, Mandaic
    "\u0900-\u109f"  # the scripts of India, Thai, Lao, Tibetan, Burmese
    "\u1780-\u18af\u1900-\u1cff"  # Khmer, Mongolian, and others of South East Asia
    "\ua800-\uabff\U00010a00-\U00011fff"
)
_EMOJI = "\u203c-\u3299\U0001f000-\U0001faff"
_NEEDED = (
    f"(?<=[{_COMPLEX}])[\u200c\u200d]"  # (non-)joiners shape letters in these scripts; in Latin text, nobody sees them
    "|(?<=[\u0e00-\u109f\u1780-\u17ff\u1a20-\u1aaf])\u200b"  # words in scripts without spaces
    f"|(?<=[{_EMOJI}])[\ufe0e\ufe0f]|(?<=[{_EMOJI}\ufe0f])\u200d|(?<=[0-9#*])\ufe0f(?=\u20e3)"  # styles of emoji, joined emoji
    "|\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f"  # flags of regions
    "|(?<=[\u1820-\u18aa])[\u180b-\u180d\u180f]"  # forms of Mongolian letters
    "|(?<=[\u3400-\u9fff\U00020000-\U0003ffff])[\ufe00-\ufe0f\U000e0100-\U000e01ef]"  # forms of Han characters
)
_DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""They order text that is written from right to left."""
_HIDDEN_BELOW = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d"
    "\u2060-\u2065\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    f"{_DIRECTIONS}"
)
"""Those of the basic plane."""
_HIDDEN = f"{_HIDDEN_BELOW}\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
_ANY_HIDDEN = re.compile(f"[{_HIDDEN}]")
_MAY_BE_HIDDEN = re.compile(f"[{_HIDDEN_BELOW}\U0001bca0-\U000e0fff]")
"""With one range beyond the basic plane, which takes half the time, but has emoji in it."""
_NEEDED_OR_HIDDEN = re.compile(f"({_NEEDED})|[{_HIDDEN}]")
_NEEDED_OR_HIDDEN_RIGHT_TO_LEFT = re.compile(f"({_NEEDED}|[{_DIRECTIONS}])|[{_HIDDEN}]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


def is_visible(text: str) -> bool:
    """Whether readers see all of a text, so that `visible_text` changes nothing; False if it is not sure."""
    return (text.isascii() and text.isprintable()) or _MAY_BE_HIDDEN.search(text) is None


def visible_text(text: str) -> str:
    """The text without what no reader can see: soft hyphens, zero-width characters, controls that are no white space.

    What a script needs stays: joiners in Arabic and Indian scripts and in emoji, word breaks in Thai or Khmer, variation
    selectors behind what they select, marks of direction in text from right to left.

    "co\\u00adop\\u200b" -> "coop"
    """
    if is_visible(text) or not _ANY_HIDDEN.search(text):
        return text
    pattern = _NEEDED_OR_HIDDEN_RIGHT_TO_LEFT if _RIGHT_TO_LEFT.search(text) else _NEEDED_OR_HIDDEN
    return pattern.sub(lambda match: match[1] or "", _HYPHENATED.sub("", text))


def comparable_text(text: str) -> str:
    """The text as it is compared: equivalent characters, case and what nobody sees make no difference.

    "Cafe\\u0301 \\ufb01ne" and "CAF\\u00c9 fi\\u00adne" -> "caf\\u00e9 fine"
    """
    if text.isascii():
        return _ANY_HIDDEN.sub("", text).lower()
    bare = _ANY_HIDDEN.sub("", _HYPHENATED.sub("", text))
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", bare).casefold())


def storable(text: str) -> str:
    """The text as UTF-8 can encode it. Bytes of a file name that is not UTF-8 become `\\xNN`, by which `file_name` finds it
    again; any other half of a surrogate pair becomes a question mark."""
    return _NO_UTF8.sub(lambda match: f"\\x{ord(match[0]) - 0xDC00:02x}", text).encode("utf-8", "replace").decode()


def file_name(stored: str) -> str:
    """The name of the file that `storable` stored like this."""
    return _ESCAPED.sub(lambda match: chr(0xDC00 + int(match[1], 16)), stored)
