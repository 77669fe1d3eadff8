"""A document's video as a local file, and ffmpeg on it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from interloom.pipeline.errors import ConfigError, DocumentError
from interloom.pipeline.store import storage
from interloom.schemas.document import Source
from interloom.stages._video.container import FORMATS, PROTOCOLS
from interloom.stages._video.probe import Probe, Track, probe

__all__ = ["Probe", "Track", "ffmpeg", "ffmpeg_binary", "open_video", "probe"]

_PIECE_BYTES = 8 << 20


@contextmanager
def open_video(source: Source) -> Iterator[str]:
    """A local path of the video: the file itself, or a copy of the object or tar member that is removed afterwards."""
    if source.offset is None and not storage.is_remote(source.path):
        yield source.path
        return
    with tempfile.NamedTemporaryFile(prefix="video-", suffix=Path(source.path).suffix) as copy:
        with storage.open(source.path) as file:
            file.seek(source.offset or 0)
            left = source.length if source.length is not None else -1
            while left and (piece := file.read(min(_PIECE_BYTES, left) if left > 0 else _PIECE_BYTES)):
                copy.write(piece)
                left -= len(piece) if left > 0 else 0
        copy.flush()
        yield copy.name


@cache
def ffmpeg_binary() -> str:
    """ffmpeg on the PATH, else the one that imageio-ffmpeg brings. Raises ConfigError when there is none."""
    found = shutil.which("ffmpeg")
    if found:
        return found
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        return str(get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise ConfigError("no ffmpeg: put one on the PATH or `pip install 'interloom[video]'`") from error


def ffmpeg(path: str, output: Sequence[str], *, before: Sequence[str] = (), timeout_s: float = 600.0) -> bytes:
    """What `ffmpeg <before> -i path <output>` writes to standard output. It can open this file only: no network, no playlists.

    Raises DocumentError when it fails or takes longer than `timeout_s`.
    """
    guarded = ["-nostdin", "-hide_banner", "-v", "error", "-protocol_whitelist", PROTOCOLS, "-format_whitelist", FORMATS]
    command = [ffmpeg_binary(), *guarded, *before, "-i", f"file:{path}", *output]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise DocumentError(f"ffmpeg took longer than {timeout_s:g} s") from error
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").replace(path, "").split()
        raise DocumentError(f"ffmpeg: {' '.join(words)[-200:] or done.returncode}")
    return done.stdout
