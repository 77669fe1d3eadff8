"""The published video recipes can be planned; large models are replaced by small ones, because they are not on every machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from interloom.jobs import _plan
from interloom.pipeline.planning.plan import Plan, make_plan
from interloom.pipeline.planning.recipe import read_recipe

pytest.importorskip("rapidocr")
JOBS = Path(_plan.__file__).parent
SHAPES = str(JOBS / "demo" / "assets" / "shapes_clip")
SMALL = {"stages.transcribe_speech": {"model": "null"}, "stages.score_clip": {"model": SHAPES, "pretrained": "null"}}


def planned(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    (folder / "videos").mkdir()
    (folder / "videos" / "talk.mp4").write_bytes(b"")
    monkeypatch.setenv("VIDEOS", str(folder / "videos"))
    monkeypatch.setenv("RUN", str(folder / "run"))
    steps = read_recipe(str(JOBS / name))[1].steps
    changes = [(n, *value) for n, step in enumerate(steps) for value in SMALL.get(step.use, {}).items()]
    return make_plan(*read_recipe(str(JOBS / name), [f"steps.{n}.with.{key}={value}" for n, key, value in changes]))


@pytest.mark.parametrize("name", ["textbook.yaml", "lectures.yaml"])
def test_the_recipe_can_be_planned(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(name, tmp_path, monkeypatch)
    assert plan.steps[0].use == "stages.read_video"
    assert {step.use for step in plan.steps if step.shape == "sink"} == {"stages.write_webdataset", "stages.write_parquet"}


@pytest.mark.parametrize("name", ["textbook.yaml", "lectures.yaml"])
def test_each_limit_says_whether_it_is_published(name: str) -> None:
    lines = (JOBS / name).read_text().splitlines()
    limits = [
        line for line in lines if "with:" in line and any(word in line for word in ("at_least", "at_most", "max_", "similarity"))
    ]
    assert limits
    assert [line for line in limits if "published" not in line and "at_least: 1," not in line] == []
