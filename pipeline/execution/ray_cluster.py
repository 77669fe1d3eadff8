"""Connects the driver to a Ray cluster, or starts one on this machine. What goes wrong is one line, before any work."""

from __future__ import annotations

import atexit
import logging
import os
import socket

from interloom.pipeline.errors import ConfigError, Failure, guarded

_ANSWER_S = 10.0  # how long the head of a cluster may take to accept a connection
_CLIENT = "ray://"


def connect(address: str | None, *, show_logs: bool = False) -> None:
    """Connects this process to the cluster at `address` (auto or HOST:PORT), or starts Ray here without one.

    Does nothing in a process that is connected already. Raises ConfigError if nothing answers there or Ray does not start.
    """
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # unset, Ray 2.60 turns it on when it finds a token file
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    if ray.is_initialized():
        return
    if (address or "").startswith(_CLIENT):
        way_out = "`interloom submit RECIPE --address http://HOST:8265` runs it there; on a machine of the cluster give HOST:PORT"
        raise ConfigError(f"{address}: addresses of the Ray Client are not supported; {way_out}")
    check_that_it_answers(address or "", f"{address}; check --address or RAY_ADDRESS")
    quiet = {} if show_logs else {"log_to_driver": False, "logging_level": logging.ERROR}
    # "local" and not None: without it Ray looks for a cluster that ran here before, and waits for it if it is dead
    started = guarded(lambda: ray.init(address=address or "local", include_dashboard=None if address else False, **quiet))
    if isinstance(started, Failure):
        ray.shutdown()
        where = f"the Ray cluster at {address} did not answer" if address else "Ray did not start on this machine"
        raise ConfigError(f"{where}: {started.message}")
    atexit.register(ray.shutdown)  # before Ray's own, which waits half a second for logs


def home() -> str:
    """Where relative paths begin on workers: in the driver's folder; empty in a Ray job with a working directory, of which each
    machine has a copy."""
    import ray

    return "" if ray.get_runtime_context().runtime_env.get("working_dir") else os.getcwd()


def check_that_it_answers(address: str, named: str) -> None:
    """Raises ConfigError if nothing listens at HOST:PORT: Ray itself would try for minutes. Other addresses are not looked at.
    `named` is the address as the user gave it, and what to check."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S).close()
    except (OSError, OverflowError) as error:
        where, _, way_out = named.partition("; ")
        raise ConfigError(f"no Ray cluster answers at {where} ({error}); {way_out}") from error
