"""Finds a video's sidecar files: subtitles of the same name and the info JSON that downloaders such as yt-dlp write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from interloom.pipeline.errors import InterloomError
from interloom.pipeline.store import storage

SUBTITLES = (".srt", ".vtt", ".ass", ".ssa")
_INFO_ENDINGS = (".info.json", ".json")
_MAX_INFO_BYTES = 8 << 20
"""More of an info JSON is not read; our choice."""
_MAX_CHARS = 4000
"""Texts of the info JSON are cut to so many characters; our choice."""
LABEL_OF_KEY = {
    "title": "title",
    "description": "description",
    "uploader": "author",
    "channel": "channel",
    "license": "licence",
    "language": "language",
    "upload_date": "date",
    "id": "video_id",
}
SCORE_KEYS = ("view_count", "like_count", "comment_count", "average_rating", "age_limit", "channel_follower_count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecars:
    """What the files beside a video state about it.

    `subtitles` is the path of the best subtitle file or "", `subtitle_kind` "manual" or "automatic", `subtitle_language` an ISO
    639 code or "" if unknown. `url`, `labels` and `scores` come from the info JSON.
    """

    subtitles: str = ""
    subtitle_kind: str = ""
    subtitle_language: str = ""
    url: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)


def find_sidecars(path: str, names: frozenset[str]) -> Sidecars:
    """Reads the sidecars of the video at `path`; `names` are the file names in its folder."""
    folder, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0]
    info = _read_info(next((storage.join(folder, stem + ending) for ending in _INFO_ENDINGS if stem + ending in names), ""))
    subtitles = sorted(filter(None, (_ranked_subtitle(other, stem, info) for other in names)))
    kind, language, file = subtitles[0][1:] if subtitles else ("", "", "")
    labels = {label: str(info[key])[:_MAX_CHARS] for key, label in LABEL_OF_KEY.items() if isinstance(info.get(key), str)}
    scores = {key: float(info[key]) for key in SCORE_KEYS if isinstance(info.get(key), int | float)}
    url = info.get("webpage_url")
    return Sidecars(
        subtitles=storage.join(folder, file) if file else "",
        subtitle_kind=kind,
        subtitle_language=language,
        url=url[:_MAX_CHARS] if isinstance(url, str) else "",
        labels=labels,
        scores=scores,
    )


def sidecar_names(path: str, names: Iterable[str]) -> list[str]:
    """Those of `names` that `find_sidecars` may read for the video at `path`, sorted.

    "talks/a.mp4", ["a.mp4", "a.en.vtt", "a.info.json", "b.srt"] -> ["a.en.vtt", "a.info.json"]
    """
    stem = path.rpartition("/")[2].rpartition(".")[0] + "."
    return sorted(name for name in names if name.startswith(stem) and name.lower().endswith((*SUBTITLES, *_INFO_ENDINGS)))


def _ranked_subtitle(name: str, stem: str, info: Mapping[str, Any]) -> tuple[int, str, str, str] | None:
    """(rank, kind, language, name) of a subtitle file `stem.srt` or `stem.<language>.srt`, None for another file.

    The lowest rank is the best: manual subtitles before automatic ones, then the video's own language first.

    "talk.srt", "talk", {} -> (0, "manual", "", "talk.srt")
    "talk.en-orig.vtt", "talk", {"language": "en"} -> (2, "automatic", "en", "talk.en-orig.vtt")
    """
    if not name.startswith(stem + ".") or not name.lower().endswith(SUBTITLES):
        return None
    language = name[len(stem) + 1 :].rpartition(".")[0]
    if "." in language:
        return None
    manual, automatic = info.get("subtitles"), info.get("automatic_captions")
    is_manual = isinstance(manual, dict) and language in manual
    is_listed_automatic = not is_manual and isinstance(automatic, dict) and language in automatic
    is_automatic = language.endswith("-orig") or is_listed_automatic  # yt-dlp names automatic captions of the speech `-orig`
    code = language.removesuffix("-orig")
    is_own_language = not code or code.split("-")[0] == str(info.get("language") or code).split("-")[0]
    return 2 * is_automatic + (not is_own_language), "automatic" if is_automatic else "manual", code, name


def _read_info(path: str) -> Mapping[str, Any]:
    """The JSON object in the file; empty if the file is missing or broken, because a video is usable without it."""
    if not path:
        return {}
    try:
        with storage.open(path) as file:
            info = json.loads(file.read(_MAX_INFO_BYTES))
    except (OSError, ValueError, RecursionError, InterloomError):
        return {}
    return info if isinstance(info, dict) else {}
