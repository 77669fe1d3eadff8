"""What lies beside a video: subtitles of the same name and the info JSON that downloaders write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from interloom.pipeline.errors import InterloomError
from interloom.pipeline.store import storage

SUBTITLES = (".srt", ".vtt", ".ass", ".ssa")
_INFO = (".info.json", ".json")
_MAX_INFO_BYTES, _MAX_CHARS = 8 << 20, 4000
_WORDS = {
    "title": "title",
    "description": "description",
    "uploader": "author",
    "channel": "channel",
    "license": "licence",
    "language": "language",
    "upload_date": "date",
    "id": "video_id",
}
_NUMBERS = ("view_count", "like_count", "comment_count", "average_rating", "age_limit", "channel_follower_count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """`subtitles` is a path, `subtitle_kind` manual or automatic; `labels` and `scores` are what the info JSON says."""

    subtitles: str = ""
    subtitle_kind: str = ""
    subtitle_language: str = ""
    url: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)


def beside(path: str, names: frozenset[str]) -> Beside:
    """What belongs to the video at `path` among the `names` in its folder."""
    folder, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0]
    info = _info(next((storage.join(folder, stem + end) for end in _INFO if stem + end in names), ""))
    found = sorted(filter(None, (_subtitle(other, stem, info) for other in names)))
    kind, language, file = found[0][1:] if found else ("", "", "")
    labels = {label: str(info[key])[:_MAX_CHARS] for key, label in _WORDS.items() if isinstance(info.get(key), str)}
    scores = {key: float(info[key]) for key in _NUMBERS if isinstance(info.get(key), int | float)}
    url = info.get("webpage_url")
    return Beside(
        subtitles=storage.join(folder, file) if file else "",
        subtitle_kind=kind,
        subtitle_language=language,
        url=url[:_MAX_CHARS] if isinstance(url, str) else "",
        labels=labels,
        scores=scores,
    )


def files_beside(path: str, names: Iterable[str]) -> list[str]:
    """The names that `beside` may read for the video at `path`, in order."""
    stem = path.rpartition("/")[2].rpartition(".")[0] + "."
    return sorted(name for name in names if name.startswith(stem) and name.lower().endswith((*SUBTITLES, *_INFO)))


def _subtitle(name: str, stem: str, info: Mapping[str, Any]) -> tuple[int, str, str, str] | None:
    """(rank, kind, language, name) of a file `stem.srt` or `stem.<language>.srt`; by hand before automatic, the video's own
    language first."""
    if not name.startswith(stem + ".") or not name.lower().endswith(SUBTITLES):
        return None
    language = name[len(stem) + 1 :].rpartition(".")[0]
    if "." in language:
        return None
    by_hand, made = info.get("subtitles"), info.get("automatic_captions")
    known = isinstance(by_hand, dict) and language in by_hand
    automatic = language.endswith("-orig") or (not known and isinstance(made, dict) and language in made)
    short = language.removesuffix("-orig")
    own = not short or short.split("-")[0] == str(info.get("language") or short).split("-")[0]
    return 2 * automatic + (not own), "automatic" if automatic else "manual", short, name


def _info(path: str) -> Mapping[str, Any]:
    """The object in the file; nothing when there is none or it is broken: it only adds to what the video says."""
    if not path:
        return {}
    try:
        with storage.open(path) as file:
            info = json.loads(file.read(_MAX_INFO_BYTES))
    except (OSError, ValueError, RecursionError, InterloomError):
        return {}
    return info if isinstance(info, dict) else {}
