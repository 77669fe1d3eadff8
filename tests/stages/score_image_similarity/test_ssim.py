"""SSIM against its formula, window by window, and where its value is known."""

from __future__ import annotations

import numpy as np
import pytest

from interloom.stages.score_image_similarity.ssim import WINDOW, Measured, ssim


def noise(seed, shape=(12, 10)):
    return np.random.default_rng(seed).uniform(0, 255, shape)


def of(first, second):
    return ssim(Measured.of(first), Measured.of(second))


def test_an_image_is_like_itself():
    assert of(noise(1), noise(1)) == pytest.approx(1)


def test_blank_images_differ_by_their_lightness_alone():
    first, second = np.full((9, 9), 50.0), np.full((9, 9), 200.0)
    assert of(first, second) == pytest.approx((2 * 50 * 200 + 6.5025) / (50**2 + 200**2 + 6.5025))


def test_an_image_and_its_negative_are_opposed():
    assert of(noise(1), 255 - noise(1)) < -0.5


def test_the_value_is_the_mean_of_the_formula_over_all_windows():
    first, second = noise(1), noise(2)
    values = []
    for row in range(first.shape[0] - WINDOW + 1):
        for column in range(first.shape[1] - WINDOW + 1):
            a, b = (image[row : row + WINDOW, column : column + WINDOW] for image in (first, second))
            light = (2 * a.mean() * b.mean() + 2.55**2) / (a.mean() ** 2 + b.mean() ** 2 + 2.55**2)
            contrast = (2 * ((a - a.mean()) * (b - b.mean())).mean() + 7.65**2) / (a.var() + b.var() + 7.65**2)
            values.append(light * contrast)
    assert of(first, second) == pytest.approx(np.mean(values))
