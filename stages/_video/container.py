"""Opens a video with PyAV so that it can reach nothing but its own bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from errno import EINVAL
from typing import TYPE_CHECKING, BinaryIO

from interloom.pipeline.errors import DocumentError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

FORMATS = "mov,matroska,avi,flv,mpegts,mpeg,mpegvideo,ogg,asf,m4v,ivf,mxf,wtv,nut,rm,gif,h264,hevc,vc1,dv,wav,mp3,flac,aac"
"""Demuxers of files that hold their own pictures. Playlists (hls, dash, concat, imf ...) and devices are not among them."""
PROTOCOLS = "file,pipe"


@contextmanager
def open_container(file: str | BinaryIO) -> Iterator[InputContainer]:
    """The container of a local file or an open one. Raises DocumentError for what is not a whole video file of ours."""
    import av

    name = f"file:{file}" if isinstance(file, str) else file
    options = {"protocol_whitelist": PROTOCOLS, "format_whitelist": FORMATS, "enable_drefs": "0", "max_streams": "64"}
    try:
        with av.open(name, options=options, metadata_errors="replace", buffer_size=1 << 18) as container:
            yield container
    except (av.FFmpegError, UnicodeError, ValueError, IndexError) as error:
        raise DocumentError(reason(error)) from error


def reason(error: BaseException) -> str:
    """FFmpeg's words in one line, without the path of the file."""
    words = getattr(error, "strerror", None) or str(error)
    if getattr(error, "errno", None) == EINVAL:  # what the white list says
        return "not a video file of a known format (playlists are refused)"
    return f"cannot be read as video: {' '.join(words.split())[:200]}"


def picture_stream(container: InputContainer) -> VideoStream | None:
    """The first video stream that moves: cover pictures and thumbnails are attachments, not video."""
    streams = (stream for stream in container.streams.video if not int(stream.disposition) & _ATTACHED)
    return next(streams, None)


_ATTACHED = 0x400 | 0x800  # FFmpeg's AV_DISPOSITION_ATTACHED_PIC and AV_DISPOSITION_TIMED_THUMBNAILS
