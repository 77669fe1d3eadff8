"""Compares what fetching images costs: `stages.fetch_images` with all its manners, beside img2dataset.

`python -m benchmarks fetch [--images 20000] [--runs 2] [--img2dataset PYTHON] [--make FOLDER]`: both ask the same local server,
which runs in a process of its own, for the same URLs; only the processor time of the client counts. A small and a large run are
compared, so that the start of the programs does not count. img2dataset runs in an environment of its own, whose Python is
given, or which is made in a folder. It keeps its pictures as they are and writes nothing: what it does then is to fetch.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from interloom.pipeline.temporary import temporary_folder

_ROOT = Path(__file__).parents[1]
_PICTURE_BYTES = 30_000
_DELAY_S = 0.05
_HOSTS = 400
_PEER = "img2dataset==1.47.0"
_THREADS = 128


@contextmanager
def served() -> Iterator[int]:
    """The port of a server in a process of its own."""
    command = [sys.executable, str(_ROOT / "benchmarks" / "_fetch_server.py"), str(_PICTURE_BYTES), str(_DELAY_S)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield int(server.stdout.readline())
        server.communicate("")


def urls(port: int, images: int) -> list[str]:
    """URLs of pictures on many hosts, in the order of a crawl: a few in a row are of one host."""
    drawn = random.Random(1)
    hosts = [f"127.0.{1 + n // 200}.{1 + n % 200}" for n in range(_HOSTS)]
    return [f"http://{host}:{port}/{n}-{i}.png" for n in range(images // 4) for host in [drawn.choice(hosts)] for i in range(4)]


def cpu_s(command: Sequence[str]) -> tuple[float, str]:
    """The processor time of a command and of the processes that it started, in seconds, and what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(_ROOT / "src")}
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert child.stdout is not None
    printed = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise RuntimeError(printed[-2000:])
    return used.ru_utime + used.ru_stime, printed


def ours(file: Path) -> tuple[float, int]:
    seconds, printed = cpu_s([sys.executable, str(_ROOT / "benchmarks" / "_fetch_client.py"), str(file)])
    return seconds, int(printed.split()[-1])


def peer(python: str, file: Path) -> tuple[float, int]:
    """img2dataset with one process."""
    folder = file.parent / "peer"
    shutil.rmtree(folder, ignore_errors=True)
    options = {"url_list": file, "output_folder": folder, "processes_count": 1, "thread_count": _THREADS}
    options |= {"resize_mode": "no", "disable_all_reencoding": True, "output_format": "dummy", "enable_wandb": False}
    options |= {"number_sample_per_shard": 10_000, "retries": 2}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    seconds, _ = cpu_s([str(Path(python).with_name("img2dataset")), *words])
    stats = [path.read_text() for path in folder.glob("*_stats.json")]
    return seconds, sum(int(text.partition('"successes": ')[2].partition(",")[0]) for text in stats)


def processor_s(folder: Path, port: int, images: int, python: str) -> float:
    """Seconds of processor time for so many images; `python` is that of img2dataset, "" for our own step."""
    file = folder / f"{images}.txt"
    wanted = urls(port, images)
    file.write_text("\n".join(wanted))
    seconds, got = peer(python, file) if python else ours(file)
    print(f"  {'img2dataset' if python else 'interloom'}: {got} of {len(wanted)} images, {seconds:.1f} s", flush=True)
    return seconds


def made(folder: str) -> str:
    """The Python of an environment with img2dataset."""
    python = Path(folder) / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", _PEER], check=True)
    return str(python)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks fetch")
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--img2dataset", default="", help="the Python of an environment with img2dataset")
    parser.add_argument("--make", default="", help="a folder in which such an environment is made")
    options = parser.parse_args()
    python = made(options.make) if options.make else options.img2dataset
    with served() as port, temporary_folder() as folder:
        counts = (options.images // 4, options.images)
        peers = {"interloom": "", "img2dataset": python} if python else {"interloom": ""}
        used = {(name, count): list[float]() for name in peers for count in counts}
        for _ in range(options.runs):
            for name, count in used:
                used[name, count].append(processor_s(Path(folder), port, count, peers[name]))
        rates = {}
        for name in peers:
            small, large = (min(used[name, count]) for count in counts)
            rates[name] = (counts[1] - counts[0]) / (large - small)
            print(f"{name}: {rates[name]:.0f} images a second of processor time")
        if python:
            print(f"interloom / img2dataset: {rates['interloom'] / rates['img2dataset']:.2f}")


if __name__ == "__main__":
    main()
