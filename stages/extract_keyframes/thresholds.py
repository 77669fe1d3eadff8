"""The thresholds by which the search for changes tells cuts, slides and blank frames."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Shares are of the frame's area, brightness and noise are in grey levels of 0 to 255. All defaults are our choice.

    cut_share: A hard cut changes at least this share in one frame ...
    cut_brightness: ... and the mean brightness of the blocks by at least this much ...
    cut_ratio: ... and at least so many times as much as the frames around it change.
    slide_share: Two still frames that differ by this share are two slides.
    build_share: Enough instead of `slide_share` if all of the change came in one frame (a bullet appears).
    drift_share: Small changes (handwriting) begin a new shot once they add up to this share.
    still_share: In a still frame, a smaller share of the blocks changes from frame to frame ...
    still_noise: ... and the block means change by less than this on average.
    settle_s: A slide has come to rest once it was still for so many seconds.
    blank_spread: A frame with a smaller standard deviation is blank.
    """

    cut_share: float = 0.35
    cut_brightness: float = 8.0
    cut_ratio: float = 2.5
    slide_share: float = 0.04
    build_share: float = 0.016
    still_share: float = 0.01
    drift_share: float = 0.1
    settle_s: float = 0.4
    still_noise: float = 0.15
    blank_spread: float = 8.0
