import socket
import subprocess
import sys

import pytest

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.execution import ray_cluster


def closed_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def test_an_address_at_which_nothing_listens_is_said_at_once() -> None:
    address = f"127.0.0.1:{closed_port()}"
    with pytest.raises(ConfigError, match=f"no Ray cluster answers at {address} .*check --address or RAY_ADDRESS"):
        ray_cluster.connect(address)


def test_a_host_that_does_not_exist_is_said_at_once() -> None:
    with pytest.raises(ConfigError, match=r"no Ray cluster answers at no-such-host\.invalid:6379"):
        ray_cluster.connect("no-such-host.invalid:6379")


def test_an_address_of_the_ray_client_is_refused() -> None:
    with pytest.raises(
        ConfigError,
        match="addresses of the Ray Client are not supported; `interloom submit RECIPE --address http://HOST:8265` runs it there",
    ):
        ray_cluster.connect("ray://127.0.0.1:10001")


@pytest.mark.slow
def test_what_ray_says_of_an_address_is_one_line() -> None:
    code = "from interloom.pipeline.execution import ray_cluster; ray_cluster.connect('there is no such address')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    line = ended.stderr.splitlines()[-1]
    assert "the Ray cluster at there is no such address did not answer: " in line
