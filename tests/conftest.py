"""What many tests make: documents, a crawl in JSON lines, a recipe file, its plan, a run of it in this process.

`tests/plugins` holds third-party steps for recipes (`use: loses_documents`); children find them too.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, settings

from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.planning.plan import Plan, make_plan
from interloom.pipeline.planning.recipe import read_recipe
from interloom.schemas.document import Document, Element, Image, Source, Text

SHARED = Path(__file__).parents[2] / "shared" / "data"
PLUGINS = str(Path(__file__).parent / "plugins")
sys.path.insert(0, PLUGINS)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [PLUGINS, os.environ.get("PYTHONPATH")]))

settings.register_profile("random", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("random"), derandomize=True)
settings.load_profile("same")
"""Hypothesis makes the same examples in each run, and no clock decides. `pytest --hypothesis-profile random` makes others."""

_LINE_CHARACTERS = 2000

Line = str | tuple[str, dict[str, Any]] | dict[str, Any]
"""A recipe's step: what it uses, that with its parameters, or the whole line."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "shared_data(*paths, twin): needs ../shared/data/<path>; the test `twin` does not")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For `pytest -n 2 --dist loadgroup`: Ray clusters start one after the other, and a file's tests share its fixtures."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group("ray" if item.get_closest_marker("ray") else item.nodeid.partition("::")[0]))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Our folders are imported under one root: a bare name in `sys.modules` is a second copy of the code, or a stranger's."""
    bare = {
        name for name in sys.modules if name.partition(".")[0] in {"schemas", "pipeline", "stages", "filters", "jobs", "loader"}
    }
    if bare:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        raise pytest.UsageError(f"imported by a bare name: {', '.join(sorted(bare))}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The exceptions of a group come first: Hypothesis shows a failure that it cannot repeat below pages of its example."""
    report = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, BaseExceptionGroup):
        causes = [line for cause in call.excinfo.value.exceptions for line in traceback.format_exception(cause)[-4:]]
        report.longrepr = "".join(line[:_LINE_CHARACTERS] for line in causes) + f"\n{report.longrepr}"
    return report


@pytest.fixture
def shared_data(request: pytest.FixtureRequest) -> Path:
    """The folder ../shared/data. Where it lacks a path that the test's mark names, the test is skipped.

    `@pytest.mark.shared_data("3_images", "9_models", twin="test_...")`: the twin, in the same file, tests the same property on
    data that the project makes.
    """
    mark = request.node.get_closest_marker("shared_data")
    missing = [f"../shared/data/{path}" for path in mark.args if not (SHARED / path).exists()]
    if missing:
        pytest.skip(f"not on this machine: {', '.join(missing)} (twin: {mark.kwargs['twin']})")
    return SHARED


@pytest.fixture
def article() -> Callable[..., Document]:
    """A document of these texts; what begins with http is an image of that URL."""

    def make(id_: str, *parts: str, url: str = "") -> Document:
        elements: list[Element] = [
            Image(position=n, url=part) if part.startswith("http") else Text(position=n, text=part)
            for n, part in enumerate(parts)
        ]
        return Document(id=id_, source=Source(url=url or f"https://example.org/{id_}"), elements=tuple(elements))

    return make


@pytest.fixture
def crawl(tmp_path: Path) -> Callable[..., str]:
    """Writes texts as JSON lines; the path. Line n has the id `<name>-<n>`, which becomes the label `source_id`, and a URL that
    ends in it."""

    def write(texts: Sequence[str], name: str = "crawl") -> str:
        rows = [{"id": f"{name}-{n}", "url": f"https://example.org/{name}-{n}", "text": text} for n, text in enumerate(texts)]
        file = tmp_path / f"{name}.jsonl"
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        if not file.exists() or file.read_text() != lines:  # a file that is written again is a changed input
            file.write_text(lines)
        return str(file)

    return write


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., str]:
    """Writes a recipe of these steps; the path."""

    def write(*steps: Line, **head: Any) -> str:
        lines = [_line(step) for step in steps]
        file = tmp_path / "recipe.yaml"
        file.write_text(yaml.safe_dump({"name": "test", "run": str(tmp_path / "run"), **head, "steps": lines}, sort_keys=False))
        return str(file)

    return write


def _line(step: Line) -> dict[str, Any]:
    if isinstance(step, str):
        return {"use": step}
    return {"use": step[0], "with": step[1]} if isinstance(step, tuple) else step


@pytest.fixture
def planned(recipe: Callable[..., str]) -> Callable[..., Plan]:
    """The plan of a recipe of these steps."""

    def plan(*steps: Line, **head: Any) -> Plan:
        return make_plan(*read_recipe(recipe(*steps, **head)))

    return plan


@pytest.fixture
def run(planned: Callable[..., Plan]) -> Callable[..., FinishedPhases]:
    """Runs a recipe of these steps here; what is done then."""

    def execute_here(*steps: Line, **head: Any) -> FinishedPhases:
        return execute(planned(*steps, **head), LocalRunner())

    return execute_here


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A bucket (`s3://...`) on a real S3 server on this machine, reached over HTTP by this process and its children."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="corpora")
        yield "s3://corpora"
    server.stop()


@pytest.fixture(scope="session")
def azure_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real server of Azure Blob Storage on this machine."""
    from azure_server import azurite

    with azurite(tmp_path_factory.mktemp("azurite")) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def azure(azure_endpoint: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A container (`az://...`) on that server, reached over HTTP by this process and its children."""
    from azure_server import make_container, settings

    name = request.module.__name__.rpartition(".")[2].replace("_", "-")
    make_container(azure_endpoint, name)
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in settings(azure_endpoint).items():
            patch.setenv(variable, value)
        yield f"az://{name}"


@pytest.fixture(scope="session")
def gcs_endpoint() -> Iterator[str]:
    """The address of a server of Google Cloud Storage on this machine."""
    from gcs_server import gcs_server

    with gcs_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def gcs(gcs_endpoint: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A bucket (`gs://...`) on that server, reached over HTTP by this process and its children."""
    from gcs_server import make_bucket

    name = request.module.__name__.rpartition(".")[2].replace("_", "-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", gcs_endpoint)
        make_bucket(name)
        yield f"gs://{name}"
