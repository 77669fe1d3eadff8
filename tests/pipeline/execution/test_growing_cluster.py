"""A cluster that has no CPU grows for a task that waits. Its nodes are processes of this machine, its autoscaler is Ray's.

It has ports and a folder of its own and is ended by process id: `ray stop` and Ray's own helper end every Ray on the machine.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.ray]

COMMANDS = ("initialization", "setup", "head_setup", "worker_setup", "head_start_ray", "worker_start_ray")
LISTS = (*(f"{name}_commands" for name in COMMANDS), "cluster_synced_files", "rsync_exclude", "rsync_filter")
LIST_NODES = """
import json, ray
ray.init({address!r}, log_to_driver=False)
print(json.dumps([node["Resources"].get("CPU", 0.0) for node in ray.nodes() if node["Alive"]]))
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def without_tokens() -> dict[str, str]:
    """The environment of the cluster and of its drivers. A Ray that ran in this process may have left a mode of its own."""
    return {**os.environ, "RAY_AUTH_MODE": "disabled"}


def config(address: str) -> dict[str, Any]:
    """A head without CPUs, and at most one worker node, with one CPU."""
    plain = {"use_node_id_as_ip": True, "disable_node_updaters": True, "disable_launch_config_check": True}
    head = {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0}
    worker = {"resources": {"CPU": 1}, "node_config": {}, "min_workers": 0, "max_workers": 1}
    return {
        "cluster_name": "growing",
        "provider": {"type": "fake_multinode", "gcs_address": address, **plain},
        "available_node_types": {"ray.head.default": head, "worker": worker},
        "head_node_type": "ray.head.default",
        "max_workers": 1,
        "upscaling_speed": 1.0,
        "idle_timeout_minutes": 10,
        "file_mounts_sync_continuously": False,
        **{name: {} for name in ("auth", "docker", "file_mounts")},
        **{name: [] for name in LISTS},
    }


def processes_of(folder: str) -> list[int]:
    """The processes whose command line names this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if folder.encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found


@contextmanager
def growing_cluster() -> Iterator[tuple[str, str]]:
    """The address of the cluster, and its folder (in a place with a short name, because sockets lie in it)."""
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    port = free_port()
    address = f"127.0.0.1:{port}"
    settings = Path(folder) / "cluster.json"
    settings.write_text(json.dumps(config(address)))
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus=0", f"--port={port}"]
    command += [f"--temp-dir={folder}", f"--autoscaling-config={settings}", "--object-store-memory=100000000"]
    command += ["--include-dashboard=false", f"--dashboard-port={free_port()}", f"--dashboard-agent-listen-port={free_port()}"]
    environment = {**without_tokens(), "RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1"}
    head = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield address, folder
    finally:
        head.terminate()
        head.wait(60)
        end(folder)  # the node that was added belongs to nobody now
        shutil.rmtree(folder)


def end(folder: str) -> None:
    deadline = time.monotonic() + 60
    while (left := processes_of(folder)) and time.monotonic() < deadline:
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.1)


def cpus_of_nodes(address: str) -> list[float]:
    script = [sys.executable, "-c", LIST_NODES.format(address=address)]
    lines = subprocess.run(script, env=without_tokens(), check=True, capture_output=True, text=True, timeout=90).stdout
    return sorted(json.loads(lines.splitlines()[-1]))


@pytest.fixture
def other_ray() -> Iterator[Callable[[], str]]:
    """Another Ray on this machine; asked, it answers."""
    import ray

    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    yield lambda: str(ray.get(ray.remote(lambda: "still here").remote(), timeout=60))
    ray.shutdown()


def test_a_cluster_grows_for_a_waiting_task_and_its_end_leaves_other_clusters_alone(
    recipe: Callable[..., str], crawl: Callable[..., str], tmp_path: Path, other_ray: Callable[[], str]
) -> None:
    file = recipe(("stages.read_documents", {"paths": crawl(["one", "two"])}), "stages.write_parquet")
    with growing_cluster() as (address, folder):
        before = cpus_of_nodes(address)
        run = [sys.executable, "-m", "interloom.jobs", "run", file, "--address", address]
        finished = subprocess.run(run, env=without_tokens(), capture_output=True, text=True, timeout=200, check=False)
        after = cpus_of_nodes(address)
    assert finished.returncode == 0, finished.stderr
    assert (before, after) == ([0.0], [0.0, 1.0])
    assert json.loads((tmp_path / "run/write_parquet/manifest.json").read_text())["documents"] == 2
    assert (other_ray(), processes_of(folder)) == ("still here", [])
