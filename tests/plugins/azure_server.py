"""A real server of Azure Blob Storage on this machine: Azurite, which npm installs once."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

import pytest

_VERSION = "3.37.0"
_HOME = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "interloom-tests" / f"azurite-{_VERSION}"
_ANSWER_MS = 10_000  # for which npm waits for an answer
_INSTALL_S = 90
_LISTENS = "successfully listens on "
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account that every Azurite has, and its published key."""


def _program() -> Path:
    """Azurite's program. Skips the test where npm is missing or cannot install it."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm on this machine, so no Azurite")
    _HOME.mkdir(parents=True, exist_ok=True)
    program = _HOME / "node_modules" / ".bin" / "azurite-blob"
    with (_HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (_HOME / "installed").exists():
            (_HOME / "package.json").write_text('{"private": true}')
            options = ["--no-audit", "--no-fund", "--fetch-retries=1", f"--fetch-timeout={_ANSWER_MS}"]
            command = [npm, "install", *options, f"azurite@{_VERSION}"]
            try:
                subprocess.run(command, cwd=_HOME, capture_output=True, text=True, check=True, timeout=_INSTALL_S)
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
                pytest.skip(f"npm cannot install Azurite: {str(error.stderr or error)[-200:]}")
            (_HOME / "installed").touch()
    return program


@contextmanager
def azurite(folder: Path) -> Iterator[str]:
    """The address of a server that keeps its blobs in memory; `folder` is where it writes its log."""
    options = ["--inMemoryPersistence", "--blobPort", "0", "--skipApiVersionCheck", "--disableTelemetry"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([_program(), *options, "--silent"], stdout=log, stderr=log)
    try:
        yield _address(process, folder / "log") + "/" + ACCOUNT
    finally:
        process.kill()
        process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(600):
        if (said := log.read_text()).count(_LISTENS):
            return said.partition(_LISTENS)[2].split()[0]
        assert process.poll() is None, said
        time.sleep(0.05)
    raise AssertionError(f"Azurite does not start: {log.read_text()}")


def settings(endpoint: str) -> dict[str, str]:
    """The environment in which the server is found."""
    account = {"AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT, "AZURE_STORAGE_ACCOUNT_KEY": KEY}
    return {**account, "AZURE_STORAGE_ENDPOINT": endpoint}


def make_container(endpoint: str, name: str) -> None:
    """Creates a container, with a request that is signed by hand, because obstore cannot."""
    date, version = formatdate(usegmt=True), "2021-08-06"
    text = "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:{version}\n/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
    signature = base64.b64encode(hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()).decode()
    signed = {"x-ms-date": date, "x-ms-version": version, "Authorization": f"SharedKey {ACCOUNT}:{signature}"}
    headers = {**signed, "Content-Type": ""}
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{name}?restype=container", b"", headers, method="PUT")).close()
