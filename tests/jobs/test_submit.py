"""Submitting a recipe to a Ray cluster: what goes along, what is refused, and one real job server."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from interloom.jobs.__main__ import main
from interloom.jobs._job_server import Job, JobServer, id_for
from interloom.jobs._submit import pack
from interloom.pipeline.errors import ConfigError
from interloom.pipeline.planning.plan import outline
from interloom.pipeline.planning.recipe import read_recipe

FILTER = '''"""Passes all."""

from interloom.pipeline.filter import document_filter


@document_filter
def passes(doc):
    """Passes all."""
    return None
'''
SINK = {"use": "stages.write_parquet"}


def invoke(*words: str, **environment: str) -> Result:
    return CliRunner(env={"RAY_ADDRESS": "", "RAY_API_SERVER_ADDRESS": "", **environment}).invoke(main, words)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Writes a recipe with these steps into the current folder and returns its name."""
    monkeypatch.chdir(tmp_path)

    def write(*steps: dict[str, Any], run: str = "s3://bucket/web", name: str = "web.yaml") -> str:
        source = {"use": "stages.read_documents", "with": {"paths": "s3://bucket/crawl"}}
        Path(name).write_text(yaml.safe_dump({"name": "web", "run": run, "steps": [source, *steps, SINK]}))
        return name

    return write


def packed(recipe: str, folder: Path, **options: Any) -> tuple[str, dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    located, checked = read_recipe(recipe, options.pop("settings", ()))
    return pack(located, checked, folder, options)


def test_the_recipe_and_the_plugins_beside_it_go_along_and_nothing_else(write: Any, tmp_path: Path) -> None:
    recipe = write({"use": "mine.passes"})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "passes.py").write_text(FILTER)
    (tmp_path / "crawl.warc").write_text("large")
    there, runtime_env = packed(recipe, tmp_path / "job")
    sent = sorted(path.relative_to(tmp_path / "job").as_posix() for path in (tmp_path / "job").rglob("*") if path.is_file())
    assert (there, runtime_env["working_dir"], sent) == ("web.yaml", str(tmp_path / "job"), ["mine/passes.py", "web.yaml"])


def test_a_folder_of_the_users_goes_along_with_the_recipe_in_it(write: Any, tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()
    recipe = write(name="recipes/web.yaml")
    assert packed(recipe, tmp_path / "job", working_dir=".") == ("recipes/web.yaml", {"env_vars": {}, "working_dir": "."})


def test_a_recipe_outside_the_folder_that_goes_along_is_refused(write: Any, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(ConfigError, match=r"^web.yaml does not lie in --working-dir other, which is all that goes along$"):
        packed(write(), tmp_path / "job", working_dir="other")


def test_variables_that_the_recipe_names_go_along_and_those_that_are_given(write: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("BUCKET", "b")
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("OTHER", "stays")
    recipe = write(run="s3://${BUCKET}/web")
    _, runtime_env = packed(recipe, tmp_path / "job", env=("HF_TOKEN", "LEVEL=2=3"))
    assert runtime_env["env_vars"] == {"BUCKET": "b", "HF_TOKEN": "secret", "LEVEL": "2=3"}


def test_variables_that_settings_name_go_along(write: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("BUCKET", "b")
    _, runtime_env = packed(write(), tmp_path / "job", settings=("run=s3://${BUCKET}/web",))
    assert runtime_env["env_vars"] == {"BUCKET": "b"}


def test_a_variable_that_is_not_there_is_refused(write: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^--env NO_SUCH_THING: no such variable here; write NAME=VALUE to give it one$"):
        packed(write(), tmp_path / "job", env=("NO_SUCH_THING",))


def test_the_runtime_environment_of_a_file_is_kept(write: Any, tmp_path: Path) -> None:
    (tmp_path / "env.yaml").write_text("pip: [a-package]\nenv_vars: {A: '1'}\n")
    _, runtime_env = packed(write(), tmp_path / "job", runtime_env="env.yaml", env=("B=2",))
    assert (runtime_env["pip"], runtime_env["env_vars"]) == (["a-package"], {"A": "1", "B": "2"})


def test_an_image_takes_no_files_along(write: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^with --image nothing goes along: give a recipe in object storage, not web.yaml$"):
        packed(write(), tmp_path / "job", image="registry/interloom:1")


def test_input_that_only_this_machine_has_is_warned_of(write: Any, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "words.txt").write_text("a\n")
    recipe = write({"use": "filters.word_blocklist", "with": {"file": "words.txt"}})
    packed(recipe, tmp_path / "job")
    assert capsys.readouterr().err == (
        "warning: steps.1.with.file: words.txt is on this machine; the cluster needs it under the same path: "
        "put it into object storage, or send its folder along with --working-dir\n"
    )


def test_a_run_folder_in_the_jobs_working_directory_is_refused(write: Any) -> None:
    result = invoke("submit", write(run="out"), "--address", "http://127.0.0.1:1")
    assert (result.exit_code, result.stderr) == (
        2,
        "run: out would lie in the job's working directory, which is removed when the job ends; "
        "choose s3://bucket/key, or an absolute path that all machines share\n",
    )


def test_a_mistake_in_the_recipe_is_found_before_anything_is_sent(write: Any) -> None:
    result = invoke("submit", write({"use": "filters.word_count", "with": {"at_lest": 3}}), "--address", "http://127.0.0.1:1")
    assert result.exit_code == 2
    assert "filters.word_count has no parameter 'at_lest'; did you mean 'at_least'?" in result.stderr


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("ray://head:10001", "ray://head:10001 is not the address of a job server: "),
        ("", "which cluster? "),
        ("http://127.0.0.1:1", "no Ray cluster answers at http://127.0.0.1:1 ([Errno 111] Connection refused); "),
    ],
)
def test_an_address_without_a_job_server_is_refused_in_a_line(write: Any, address: str, line: str) -> None:
    result = invoke("submit", write(), *(["--address", address] if address else []))
    assert result.exit_code == 2
    assert result.stderr.startswith(line)
    assert "http://HOST:8265" in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_id_of_a_job_is_made_of_the_run_folder_and_a_number() -> None:
    jobs = [Job(f"interloom-bucket-web-{n}", "s3://bucket/web", "", "FAILED") for n in (1, 10, 2)]
    assert id_for("s3://bucket/web", [*jobs, Job("interloom-bucket-web-2-9", "", "", "")]) == "interloom-bucket-web-11"
    assert id_for("/mnt/x y/", []) == "interloom-mnt-x-y-1"


def port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The job server of a Ray cluster of one node that shares nothing with another test's: for the address of a job's cluster Ray
    looks for the one that began last in its folder, and a node whose agent finds its port taken starts no jobs."""
    if find_spec("aiohttp_cors") is None:
        pytest.skip("not on this machine: the extra `cluster` (twin: the tests above)")
    ports = [port(), port(), port()]
    listens = [f"--port={ports[0]}", f"--dashboard-port={ports[1]}", f"--dashboard-agent-listen-port={ports[2]}"]
    words = ["start", "--head", *listens, "--num-cpus=2", "--block"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    folder = tempfile.mkdtemp(prefix="ray")  # short, as paths of sockets must be
    environment = {**os.environ, "RAY_TMPDIR": folder, "RAY_AUTH_MODE": "disabled", "PATH": path}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[2] / "src"), environment.get("PYTHONPATH", "")])
    head = subprocess.Popen(
        [sys.executable, "-m", "ray.scripts.scripts", *words, "--object-store-memory=100000000"],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(ports[1])
        yield f"127.0.0.1:{ports[1]}"
    finally:
        head.terminate()
        head.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(number: int) -> None:
    for _ in range(600):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", number)) == 0:
                return
        time.sleep(0.1)


class NoAgent(BaseHTTPRequestHandler):
    """Answers as the job server of a head whose agent found its port taken does."""

    def do_GET(self) -> None:
        version = b'{"version": "4", "ray_version": "2", "ray_commit": "c"}' if self.path == "/api/version" else b"[]"
        self.answer(200, version)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(500, b"No available agent to submit job, please try again later.")

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def test_a_head_without_an_agent_is_refused_in_a_line_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interloom.jobs._job_server._BEGINS_WITHIN_S", 0.0)
    with HTTPServer(("127.0.0.1", 0), NoAgent) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(ConfigError) as refused:
            JobServer(address).submit("true", "job-1", {}, {})
        server.shutdown()
    assert str(refused.value) == (
        f"the job server at {address}: its head node has no agent that starts jobs; another Ray node on that machine may hold "
        "the agent's port: start the head with `--dashboard-agent-listen-port` and a free port"
    )


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.filterwarnings("ignore:ssl=None is deprecated")  # Ray's own call of aiohttp
def test_a_job_is_followed_listed_stopped_and_resumed(server: str, write: Any, crawl: Any, tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    (tmp_path / "mine").mkdir()
    waits = f"    while os.path.exists({str(hold)!r}):\n        time.sleep(0.1)\n    return None"
    (tmp_path / "mine" / "passes.py").write_text("import os\nimport time\n" + FILTER.replace("    return None", waits))
    run, recipe = str(tmp_path / "run"), write({"use": "mine.passes"}, run=str(tmp_path / "run"))
    where = ("--address", server)
    submit = ("submit", recipe, *where, "--set", f"steps.0.with.paths={crawl(['one', 'two'])}")

    wrong = invoke(*submit, "--set", "steps.0.with.paths=/no/such/file")
    assert (wrong.exit_code, "/no/such/file" in wrong.stderr) == (2, True), wrong.stderr
    hold.touch()
    assert invoke(*submit, "--no-wait").exit_code == 0
    again = invoke(*submit)
    assert (again.exit_code, f"{run}: the job " in again.stderr, " runs it now; " in again.stderr) == (2, True, True)
    assert invoke("jobs", "stop", run, *where).exit_code == 0
    hold.unlink()
    whole = invoke(*submit)
    assert (whole.exit_code, "every document and image is accounted for" in whole.stderr) == (0, True), whole.stderr
    jobs = [json.loads(line) for line in invoke("jobs", "list", "--json", *where).stdout.splitlines()]
    assert [(job["run"], job["status"]) for job in jobs] == [(run, "FAILED"), (run, "STOPPED"), (run, "SUCCEEDED")]


def test_the_recipe_of_the_page_about_clusters_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text()
    (tmp_path / "web.yaml").write_text(page.partition("```yaml\n")[2].partition("```")[0])
    steps = outline(*read_recipe(str(tmp_path / "web.yaml"))).steps
    assert [step.key for step in steps][-2:] == ["score_clip", "write_webdataset"]


def test_the_page_about_clusters_names_options_that_commands_have() -> None:
    page = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text()
    context = click.Context(main)
    commands = [main.get_command(context, name) for name in ("submit", "run", "status", "validate")]
    groups = [main.get_command(context, name) for name in ("jobs", "render")]
    commands += [command for group in groups if isinstance(group, click.Group) for command in group.commands.values()]
    known = {
        option for command in commands if command for each in command.params for option in (*each.opts, *each.secondary_opts)
    }
    ours = page.partition("## 2.")[2]
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", ours)) - {"--from-literal"}
    assert named - known == set()
