"""Opens a video with PyAV in such a way that it can reach nothing but its own bytes."""

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
"""FFmpeg demuxers of files that hold their own media. Playlists (hls, dash, concat, imf ...) and devices are not allowed,
because they name other files."""
PROTOCOLS = "file,pipe"
"""FFmpeg protocols that a video may be read through: no network."""

_ATTACHED_PICTURE = 0x400
"""FFmpeg's AV_DISPOSITION_ATTACHED_PIC."""
_TIMED_THUMBNAILS = 0x800
"""FFmpeg's AV_DISPOSITION_TIMED_THUMBNAILS."""
_BUFFER_BYTES = 1 << 18
_MAX_STREAMS = "64"
_MAX_ERROR_CHARS = 200


@contextmanager
def open_container(file: str | BinaryIO) -> Iterator[InputContainer]:
    """Opens the container of a local path or an open file.

    Raises DocumentError if it is not a complete video file of one of FORMATS, also when it breaks off while it is read.
    """
    import av

    name = f"file:{file}" if isinstance(file, str) else file
    options = {
        "protocol_whitelist": PROTOCOLS,
        "format_whitelist": FORMATS,
        "enable_drefs": "0",
        "max_streams": _MAX_STREAMS,
    }
    try:
        with av.open(name, options=options, metadata_errors="replace", buffer_size=_BUFFER_BYTES) as container:
            yield container
    except (av.FFmpegError, UnicodeError, ValueError, IndexError) as error:
        raise DocumentError(reason(error)) from error


def reason(error: BaseException) -> str:
    """FFmpeg's error message in one line, without the path of the file."""
    message = getattr(error, "strerror", None) or str(error)
    if getattr(error, "errno", None) == EINVAL:  # FFmpeg's answer to a format outside the whitelist
        return "not a video file of a known format (playlists are refused)"
    return f"cannot be read as video: {' '.join(message.split())[:_MAX_ERROR_CHARS]}"


def first_video_stream(container: InputContainer) -> VideoStream | None:
    """The first video stream, not counting cover images and thumbnails, which are attachments; None if there is none."""
    attached = _ATTACHED_PICTURE | _TIMED_THUMBNAILS
    streams = (stream for stream in container.streams.video if not int(stream.disposition) & attached)
    return next(streams, None)
