"""Opens a document's video as a local file and runs ffmpeg on it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import MappingProxyType

from interloom.pipeline.errors import ConfigError, DocumentError
from interloom.pipeline.program import Finished, Program
from interloom.pipeline.store import local_files, storage
from interloom.pipeline.temporary import temporary_file
from interloom.schemas.document import Source
from interloom.stages._video.container import FORMATS, PROTOCOLS
from interloom.stages._video.probe import Probe, Track, probe

__all__ = ["Options", "Probe", "Track", "ffmpeg", "ffmpeg_binary", "open_video", "probe"]

_CHUNK_BYTES = 8 << 20
_MAX_ERROR_CHARS = 200
_NONE: Mapping[str, str | int | None] = MappingProxyType({})
_CAUGHT_A_SIGNAL = (255, 123)
"""Exit statuses of an ffmpeg that was told to stop, once or more than three times."""
_NOT_PERMITTED = b"Operation not permitted"
"""What ffmpeg says when its exit status 255 is that of an error of its own (-1, EPERM)."""


@contextmanager
def open_video(source: Source) -> Iterator[str]:
    """Yields a local path of the video: the file itself, or a temporary copy of an object or tar member."""
    if source.offset is None and not storage.is_remote(source.path):
        yield local_files.of_stored_name(source.path)
        return
    with temporary_file("video", Path(source.path).suffix) as copy:
        with storage.open(source.path) as file:
            file.seek(source.offset or 0)
            left = source.length if source.length is not None else -1  # -1: up to the end of the file
            while left and (chunk := file.read(min(_CHUNK_BYTES, left) if left > 0 else _CHUNK_BYTES)):
                copy.write(chunk)
                left -= len(chunk) if left > 0 else 0
        copy.flush()
        yield copy.name


@cache
def ffmpeg_binary() -> str:
    """The path of ffmpeg: the one on the PATH, otherwise imageio-ffmpeg's. Raises ConfigError if neither is installed."""
    on_path = shutil.which("ffmpeg")
    if on_path:
        return on_path
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        return str(get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise ConfigError("ffmpeg not found: put it on the PATH or `pip install 'interloom[video]'`") from error


Options = Mapping[str, str | int | None]
"""Options of ffmpeg by name, without the dash; None for one that takes no value."""


def ffmpeg(
    path: str, target: str, options: Options, *, streams: Sequence[str] = (), before: Options = _NONE, cpu_s: float = 600.0
) -> bytes:
    """Runs `ffmpeg <before> -i <path> <options> <target>` and returns what it writes to standard output.

    path: The local input file. ffmpeg can open nothing else: no network, no playlists.
    target: Where the output goes: `file:<path>`, `pipe:1` for what is returned, `-` for nothing.
    options: Options of the output.
    streams: Streams of the input that are taken (`"1"`, `"a:0?"`). Default: ffmpeg chooses.
    before: Options of the input. Default: none.
    cpu_s: ffmpeg is stopped after so many seconds of CPU time. Default 600, our choice.

    Raises DocumentError if ffmpeg fails, KilledError if it is ended from outside again and again; ConfigError without
    ffmpeg-python.
    """
    try:
        import ffmpeg as arguments
    except ImportError as error:
        raise ConfigError("ffmpeg-python not found: `pip install 'interloom[video]'`") from error

    source = arguments.input(f"file:{path}", **before)
    chosen = [source[stream] for stream in streams] or [source]
    guarded = ["-nostdin", "-hide_banner", "-v", "error", "-protocol_whitelist", PROTOCOLS, "-format_whitelist", FORMATS]
    command = [ffmpeg_binary(), *guarded, *arguments.output(*chosen, target, **options).get_args()]
    finished = Program(name="ffmpeg", cpu_s=cpu_s, was_stopped=_was_stopped).run(command)
    if finished.status:
        words = finished.errors.decode("utf-8", "replace").replace(path, "").split()
        raise DocumentError(f"ffmpeg: {' '.join(words)[-_MAX_ERROR_CHARS:] or finished.status}")
    return finished.output


def _was_stopped(finished: Finished) -> bool:
    """Whether ffmpeg caught a signal (SIGTERM, SIGINT, SIGXCPU) and exited by itself."""
    return finished.status in _CAUGHT_A_SIGNAL and _NOT_PERMITTED not in finished.errors
