"""The generated pictures and what is said of them."""

import random
from itertools import combinations

import numpy as np

from interloom.jobs.demo.shapes import BACKGROUNDS, COLOURS, Scene, draw, paint, scene
from interloom.stages.decode_images.phash import phash

ONE = Scene(number=1, large=False, pattern="striped", colour="red", shape="star", background="grey", place="on the left")


def test_the_same_seed_draws_the_same_picture():
    (first, said), (second, again) = (draw(random.Random(4), (90, 70)) for _ in range(2))
    assert (first.tobytes(), said) == (second.tobytes(), again)


def test_a_picture_has_the_asked_size_and_is_rgb():
    picture, _ = draw(random.Random(1), (320, 200))
    assert (picture.size, picture.mode) == ((320, 200), "RGB")


def test_a_caption_says_what_is_there():
    assert ONE.caption("{things} on {background}") == "a small striped red star on the left on grey"


def test_several_shapes_are_told_in_the_plural():
    several = Scene(number=2, large=True, pattern="plain", colour="blue", shape="cross", background="white", place="at the top")
    assert several.things == "two blue crosses"


def test_the_colours_told_are_those_painted():
    rng = random.Random(2)
    for what in (scene(rng) for _ in range(20)):
        pixels = np.asarray(paint(what, rng, (96, 96))).astype(int)
        near_shape, near_ground = (
            (abs(pixels - np.array(colour)).max(axis=2) < 32).mean()
            for colour in (COLOURS[what.colour], BACKGROUNDS[what.background])
        )
        assert near_shape > 0.01
        assert near_ground > 0.4


def test_pictures_of_one_scene_do_not_hash_alike():
    rng = random.Random(3)
    hashes = [int(phash(paint(ONE, rng, (256, 256)).convert("L")), 16) for _ in range(24)]
    assert min((a ^ b).bit_count() for a, b in combinations(hashes, 2)) > 4
