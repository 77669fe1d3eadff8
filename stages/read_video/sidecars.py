"""Finds a video's sidecar files: subtitles of the same name and the info JSON that downloaders such as yt-dlp write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from interloom.pipeline.errors import InterloomError
from interloom.pipeline.languages import plain_code
from interloom.pipeline.store import storage
from interloom.stages._input.rows import as_score
from interloom.stages.read_video.suffixes import folded, parse_suffix, sidecars_by_owner

SUBTITLES = (".ass", ".srt", ".ssa", ".vtt", ".ttml", ".dfxp", ".itt", ".sbv", ".smi", ".sami", ".lrc", ".sub")
"""Of files that are else as good, the format that is named first is taken: the last ones know the least of times."""
_VOBSUB_INDEX = ".idx"
"""Beside it, a `.sub` holds pictures of text."""
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
    639 code or "" if unknown. `others` are the other files, best first: kind, language and path. `url`, `labels` and `scores` are
    from the info JSON.
    """

    subtitles: str = ""
    subtitle_kind: str = ""
    subtitle_language: str = ""
    others: tuple[tuple[str, str, str], ...] = ()
    url: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)


def find_sidecars(path: str, names: frozenset[str]) -> Sidecars:
    """Reads the sidecars of the video at `path`; `names` are the file names in its folder."""
    folder, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0]
    info = _read_info(next((storage.join(folder, stem + ending) for ending in _INFO_ENDINGS if stem + ending in names), ""))
    subtitles = sorted(filter(None, (_ranked_subtitle(*other, info) for other in _own(name, _subtitles_of_folder(names)))))
    kind, language, file = subtitles[0][3:] if subtitles else ("", "", "")
    labels = {label: str(info[key])[:_MAX_CHARS] for key, label in LABEL_OF_KEY.items() if isinstance(info.get(key), str)}
    scores = {key: score for key in SCORE_KEYS if (score := as_score(info.get(key))) is not None}
    url = info.get("webpage_url")
    return Sidecars(
        subtitles=storage.join(folder, file) if file else "",
        subtitle_kind=kind,
        subtitle_language=language,
        others=tuple((kind, language, storage.join(folder, file)) for *_, kind, language, file in subtitles[1:]),
        url=url[:_MAX_CHARS] if isinstance(url, str) else "",
        labels=labels,
        scores=scores,
    )


def sidecar_names(path: str, names: Iterable[str]) -> list[str]:
    """Those of `names` that `find_sidecars` may read for the video at `path`, sorted.

    "talks/a.mp4", ["a.mp4", "a.en.vtt", "a.info.json", "b.srt"] -> ["a.en.vtt", "a.info.json"]
    """
    name, all_names = path.rpartition("/")[2], frozenset(names)
    infos = [name.rpartition(".")[0] + ending for ending in _INFO_ENDINGS]
    subtitles = [other for other, _ in _own(name, _subtitles_of_folder(all_names))]
    return sorted([*subtitles, *(info for info in infos if info in all_names)])


@lru_cache(maxsize=4)
def _subtitles_of_folder(names: frozenset[str]) -> Mapping[str, list[tuple[str, str]]]:
    pictures = {folded(name)[: -len(_VOBSUB_INDEX)] + ".sub" for name in names if folded(name).endswith(_VOBSUB_INDEX)}
    return sidecars_by_owner([name for name in names if folded(name) not in pictures], SUBTITLES)


def _own(name: str, subtitles: Mapping[str, list[tuple[str, str]]]) -> list[tuple[str, str]]:
    """The subtitle files of a video, with their suffixes: those of its stem, and those of its whole name."""
    whole = folded(name)
    return [*subtitles.get(whole.rpartition(".")[0], []), *subtitles.get(whole, [])]


def _ranked_subtitle(name: str, suffix: str, info: Mapping[str, Any]) -> tuple[int, int, int, str, str, str] | None:
    """(rank, length of the suffix, format, kind, language, name) of a subtitle file; None if its suffix makes it no transcript.

    The lowest is the best: subtitles of all speech first, then manual ones, then those in the video's own language.

    "talk.srt", "", {} -> (0, 0, 1, "manual", "", "talk.srt")
    "talk.en-orig.vtt", ".en-orig", {"language": "en"} -> (2, 8, 3, "automatic", "en", "talk.en-orig.vtt")
    """
    parsed = parse_suffix(suffix)
    if parsed is None:
        return None
    manual, automatic = info.get("subtitles"), info.get("automatic_captions")
    is_manual = isinstance(manual, dict) and parsed.language in manual
    is_listed_automatic = not is_manual and isinstance(automatic, dict) and parsed.language in automatic
    is_automatic = parsed.is_automatic or is_listed_automatic
    is_own_language = not parsed.code or plain_code(parsed.code) == plain_code(str(info.get("language") or parsed.code))
    kind = "automatic" if is_automatic else "manual"
    rank = 4 * parsed.is_partial + 2 * is_automatic + (not is_own_language)
    file_format = next(n for n, ending in enumerate(SUBTITLES) if folded(name).endswith(ending))
    return rank, len(suffix), file_format, kind, parsed.code, name


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
