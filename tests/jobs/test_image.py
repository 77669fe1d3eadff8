"""The Dockerfile: what it installs is what the project says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINNED = dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(extras: set[str]) -> list[Requirement]:
    """What the project and these extras need, extras of our own resolved."""
    done, wanted = [], [*PROJECT["dependencies"], f"interloom[{','.join(sorted(extras))}]"]
    while wanted:
        requirement = Requirement(wanted.pop())
        if requirement.name == "interloom":
            wanted += [line for extra in requirement.extras for line in PROJECT["optional-dependencies"][extra]]
        else:
            done.append(requirement)
    return done


def test_the_image_installs_the_project_with_the_extras_of_the_build() -> None:
    [line] = re.findall(r"^RUN (pip install .*)$", DOCKERFILE, re.MULTILINE)
    assert line == 'pip install --no-cache-dir --constraint constraints.txt ".[${EXTRAS}]"'
    assert re.findall(r"^ARG EXTRAS=(.*)$", DOCKERFILE, re.MULTILINE) == ["cluster"]


def test_the_extras_that_the_dockerfile_names_exist() -> None:
    [named] = re.findall(r"`cluster`, and what the recipe's steps need \((.*), or (\w+)\)", DOCKERFILE)
    extras = {"cluster", *named[0].split(", "), named[1]}
    assert extras - PROJECT["optional-dependencies"].keys() == set()


@pytest.mark.parametrize("extras", [{"cluster"}, {"cluster", "all"}])
def test_the_pinned_versions_are_those_that_the_extras_allow(extras: set[str]) -> None:
    pinned = {normal(name): version for name, version in PINNED.items()}
    wrong = {str(one) for one in requirements(extras) if not one.specifier.contains(pinned.get(normal(one.name), "0"), True)}
    left_to_pip = {str(one) for one in requirements(extras) if one.name in ("torch", "torchvision")}
    assert wrong - left_to_pip == set()


def test_the_extra_cluster_holds_the_job_server_of_ray() -> None:
    [ray] = [one for one in map(Requirement, PROJECT["optional-dependencies"]["cluster"]) if one.name == "ray"]
    assert ray.extras == {"default"}


def test_the_image_has_what_kuberay_asks_pods_with() -> None:
    assert re.search(r"apt-get install .*\bwget\b", DOCKERFILE)


def test_what_the_build_needs_is_not_left_out_of_it() -> None:
    left_out = set((ROOT / ".dockerignore").read_text().split())
    assert left_out & {"src", "schemas", "pipeline", "stages", "filters", "jobs", "pyproject.toml", "constraints.txt"} == set()
