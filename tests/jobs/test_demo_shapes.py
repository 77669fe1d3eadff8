"""The generated images of shapes and their captions."""

import random
from itertools import combinations

import numpy as np

from interloom.jobs.demo.shapes import BACKGROUNDS, COLOURS, Scene, draw, paint, random_scene
from interloom.stages.decode_images.phash import phash

STAR = Scene(number=1, large=False, pattern="striped", colour="red", shape="star", background="grey", place="on the left")


def test_the_same_seed_draws_the_same_image():
    (first, caption), (second, same_caption) = (draw(random.Random(4), (90, 70)) for _ in range(2))
    assert (first.tobytes(), caption) == (second.tobytes(), same_caption)


def test_an_image_has_the_given_size_and_is_rgb():
    image, _ = draw(random.Random(1), (320, 200))
    assert (image.size, image.mode) == ((320, 200), "RGB")


def test_a_caption_describes_the_scene():
    assert STAR.caption("{things} on {background}") == "a small striped red star on the left on grey"


def test_several_shapes_are_named_in_the_plural():
    several = Scene(number=2, large=True, pattern="plain", colour="blue", shape="cross", background="white", place="at the top")
    assert several.things == "two blue crosses"


def test_the_colours_of_the_scene_are_painted():
    rng = random.Random(2)
    for scene in (random_scene(rng) for _ in range(20)):
        pixels = np.asarray(paint(scene, rng, (96, 96))).astype(int)
        near_shape, near_background = (
            (abs(pixels - np.array(colour)).max(axis=2) < 32).mean()
            for colour in (COLOURS[scene.colour], BACKGROUNDS[scene.background])
        )
        assert near_shape > 0.01
        assert near_background > 0.4


def test_images_of_one_scene_have_different_hashes():
    rng = random.Random(3)
    hashes = [int(phash(paint(STAR, rng, (256, 256)).convert("L")), 16) for _ in range(24)]
    assert min((a ^ b).bit_count() for a, b in combinations(hashes, 2)) > 4
