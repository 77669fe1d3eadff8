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
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from zipfile import ZipFile

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from interloom.jobs.__main__ import main
from interloom.jobs._job import Job, id_for
from interloom.jobs._job_server import JobServer
from interloom.jobs._submit import pack
from interloom.pipeline.errors import ConfigError, FatalError
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


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("env_vars: {A: 1}", "env_vars must hold strings; write `A: '1'`"),
        ("env_vars: [A]", "env_vars must be a mapping, such as `env_vars: {LEVEL: '2'}`"),
        ("env_vars:", "env_vars must be a mapping, such as `env_vars: {LEVEL: '2'}`"),
        ("env_vars: {'': x}", "no environment variable can be called '' and have this value; write NAME=VALUE"),
        ("pipp: [a-package]", "Ray's runtime environment has no 'pipp'; did you mean 'pip'?"),
        ("pip: 3", "runtime_env['pip'] must be of type str or List[str], got <class 'int'>"),
    ],
)
def test_a_runtime_environment_that_ray_would_not_take_is_refused_in_a_line(
    write: Any, tmp_path: Path, text: str, line: str
) -> None:
    (tmp_path / "env.yaml").write_text(text)
    with pytest.raises(ConfigError) as refused:
        packed(write(), tmp_path / "job", runtime_env="env.yaml")
    assert str(refused.value) == f"--runtime-env env.yaml: {line}"


def test_a_folder_is_no_runtime_environment(write: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^--runtime-env \.: Is a directory$"):
        packed(write(), tmp_path / "job", runtime_env=".")


@pytest.mark.parametrize(
    ("text", "options", "line"),
    [
        ("working_dir: .", {}, "--runtime-env names a working_dir, in which the recipe would not lie; "),
        ("image_uri: a", {"image": "b"}, "--runtime-env names an image_uri, and --image another one; "),
    ],
)
def test_nothing_of_a_runtime_environment_is_replaced(
    write: Any, tmp_path: Path, text: str, options: dict[str, str], line: str
) -> None:
    (tmp_path / "env.yaml").write_text(text)
    with pytest.raises(ConfigError, match=f"^{re.escape(line)}"):
        packed(write(), tmp_path / "job", runtime_env="env.yaml", **options)


@pytest.mark.parametrize("pair", ["=x", "", "A=\0"])
def test_a_variable_that_no_process_can_have_is_refused(write: Any, tmp_path: Path, pair: str) -> None:
    with pytest.raises(ConfigError, match=r"^--env .*no environment variable can be called"):
        packed(write(), tmp_path / "job", env=(pair,))


def test_a_recipe_that_comes_through_a_pipe_goes_along(write: Any, tmp_path: Path) -> None:
    text = Path(write()).read_bytes()
    end, start = os.pipe()
    os.write(start, text)
    os.close(start)
    there, _ = packed(f"/dev/fd/{end}", tmp_path / "job")
    os.close(end)
    assert (tmp_path / "job" / there).read_bytes() == text


def test_a_recipe_whose_name_begins_as_an_option_does_is_no_option(write: Any, tmp_path: Path) -> None:
    recipe = write(name="-w.yaml")
    assert [packed(recipe, tmp_path / "job")[0], packed(recipe, tmp_path / "job", working_dir=".")[0]] == [
        "./-w.yaml",
        "./-w.yaml",
    ]


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
        ("http://head:99999", "http://head:99999 is not the address of a job server: "),
        ("http://head:abc", "http://head:abc is not the address of a job server: "),
        ("http://[::1", "http://[::1 is not the address of a job server: "),
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


def test_the_id_of_a_job_is_short_enough_for_a_file_name_and_tells_long_runs_apart() -> None:
    folders = [f"s3://bucket/{'x' * 300}{end}" for end in "ab"]
    ids = [id_for(folder, []) for folder in folders]
    assert max(map(len, ids)) < 120
    assert ids[0] != ids[1]
    assert id_for(folders[0], [Job(ids[0], folders[0], "", "FAILED")]) == ids[0].removesuffix("1") + "2"


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


class FakeServer(BaseHTTPRequestHandler):
    """Answers as a job server does, but for the refusal of each test. It takes no websockets, as many proxies do not."""

    refusal = b"No available agent to submit job, please try again later."
    """Of a head whose agent found its port taken."""
    sent: ClassVar[list[str]] = []
    """The names of the files that came in folders."""
    seen: ClassVar[list[str]] = []
    """The statuses that the job has from one question to the next; the server is silent once there are none."""
    printed = "one\n"

    def do_GET(self) -> None:
        if self.path == "/api/version":
            return self.answer(200, b'{"version": "4", "ray_version": "2", "ray_commit": "c"}')
        if self.path.endswith("/logs"):
            return self.answer(200, json.dumps({"logs": self.printed}).encode())
        if self.path != "/api/jobs/":
            return self.answer(404, b"")
        if not self.seen:
            return self.answer(502, b"bad gateway")
        job = {"type": "SUBMISSION", "submission_id": "job-1", "entrypoint": "", "metadata": {"interloom_run": "s3://b/web"}}
        self.answer(200, json.dumps([job | {"status": self.seen.pop(0)}]).encode())

    def do_PUT(self) -> None:
        with ZipFile(BytesIO(self.rfile.read(int(self.headers["Content-Length"])))) as folder:
            self.sent.extend(folder.namelist())
        self.answer(200, b"")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.endswith("/stop"):
            return self.answer(200, b'{"stopped": true}')
        self.answer(500, self.refusal)

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def fake_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[JobServer]:
    if find_spec("aiohttp") is None:
        pytest.skip("not on this machine: the extra `cluster` (twin: the tests above)")
    for name, value in {"_BEGINS_WITHIN_S": 0.0, "_RECONNECT_S": 0.0, "_RETURNS_WITHIN_S": 0.2}.items():
        monkeypatch.setattr(f"interloom.jobs._job_server.{name}", value)
    for name in ("sent", "seen"):
        monkeypatch.setattr(FakeServer, name, [])
    with HTTPServer(("127.0.0.1", 0), FakeServer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield JobServer(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


def test_a_head_without_an_agent_is_refused_in_a_line_that_says_what_to_do(fake_server: JobServer) -> None:
    with pytest.raises(ConfigError) as refused:
        fake_server.submit("true", "job-1", {}, {})
    assert str(refused.value) == (
        f"the job server at {fake_server.address}: its head node has no agent that starts jobs; another Ray node on that machine "
        "may hold the agent's port: start the head with `--dashboard-agent-listen-port` and a free port"
    )


@pytest.mark.parametrize(
    ("last", "line"),
    [
        ("OSError: File name too long: 'x'", "the job server at {}: OSError: File name too long: 'x'"),
        (
            "ValueError: Job with submission_id job-1 already exists. Please use a different submission_id.",
            "job-1: there is such a job already, as another submit was faster; `interloom jobs logs job-1` follows it",
        ),
    ],
)
def test_what_the_server_could_not_do_is_a_line(
    fake_server: JobServer, monkeypatch: pytest.MonkeyPatch, last: str, line: str
) -> None:
    monkeypatch.setattr(FakeServer, "refusal", f"Traceback (most recent call last):\n  File a\n{last}\n.\n.".encode())
    with pytest.raises(ConfigError) as refused:
        fake_server.submit("true", "job-1", {}, {})
    assert str(refused.value) == line.format(fake_server.address)


def test_a_whole_folder_is_sent_with_what_git_ignores(fake_server: JobServer, tmp_path: Path) -> None:
    for name in ("web.yaml", "mine/passes.py", ".gitignore"):
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_text("mine/\n")
    with pytest.raises(ConfigError):
        fake_server.submit("true", "job-1", {"working_dir": str(tmp_path / "folder")}, {})
    assert {"web.yaml", "mine/passes.py"} <= set(FakeServer.sent)
    assert "RAY_RUNTIME_ENV_IGNORE_GITIGNORE" not in os.environ


@pytest.mark.filterwarnings("ignore:ssl=None is deprecated")  # Ray's own call of aiohttp
def test_a_job_is_followed_through_a_proxy_without_websockets(fake_server: JobServer) -> None:
    FakeServer.seen.extend(["RUNNING", "RUNNING", "SUCCEEDED"])
    shown: list[str] = []
    assert fake_server.follow("job-1", shown.append).status == "SUCCEEDED"
    assert shown == ["one\n"]


@pytest.mark.filterwarnings("ignore:ssl=None is deprecated")  # Ray's own call of aiohttp
def test_a_server_that_stays_silent_ends_the_following_with_a_line_that_says_how_to_go_on(fake_server: JobServer) -> None:
    FakeServer.seen.extend(["RUNNING"])
    with pytest.raises(FatalError) as ended:
        fake_server.follow("job-1", str)
    assert str(ended.value).startswith("job-1: not heard of for 0.2 s (the job server at ")
    assert str(ended.value).endswith("`interloom jobs logs job-1` follows it again, and the same `submit` resumes the run")


def test_a_server_that_is_gone_is_told_in_the_words_of_the_system(fake_server: JobServer, monkeypatch: Any) -> None:
    monkeypatch.setattr(fake_server._client, "_address", "http://127.0.0.1:1")
    with pytest.raises(FatalError) as gone:
        fake_server.jobs()
    assert str(gone.value) == f"the job server at {fake_server.address}: [Errno 111] Connection refused"


def test_a_job_that_does_not_stop_is_said_to_go_on(fake_server: JobServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interloom.jobs._job_server._STOPS_WITHIN_S", 0.0)
    FakeServer.seen.extend(["PENDING", "PENDING"])
    result = invoke("jobs", "stop", "s3://b/web", "--address", fake_server.address)
    assert (result.exit_code, result.output) == (1, "job-1: told to stop, but still pending; the same command asks again\n")


def test_a_run_is_named_with_or_without_a_slash_at_its_end(fake_server: JobServer) -> None:
    FakeServer.seen.extend(["RUNNING", "RUNNING"])
    assert [fake_server.job(name).id for name in ("s3://b/web", "s3://b/web/")] == ["job-1", "job-1"]


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
