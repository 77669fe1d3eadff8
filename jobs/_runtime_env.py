"""What users add to the runtime environment of a job: a file (`--runtime-env`) and variables (`--env`)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from interloom.jobs._show import clean
from interloom.pipeline.errors import ConfigError, did_you_mean, in_a_line
from interloom.pipeline.store import storage


def read(file: str | None) -> dict[str, Any]:
    """The user's own part of the runtime environment, from a file in YAML or JSON."""
    if not file:
        return {}
    try:
        values = yaml.safe_load(storage.read(file))
    except FileNotFoundError:
        raise ConfigError(f"--runtime-env {file}: no such file") from None
    except OSError as error:
        raise ConfigError(f"--runtime-env {file}: {error.strerror or in_a_line(error)}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ConfigError(f"--runtime-env {file}: not YAML") from None
    if not isinstance(values, dict):
        raise ConfigError(f"--runtime-env {file}: must be a mapping, such as `pip: [a-package]`")
    _check_runtime_env(file, values)
    return values


def _check_runtime_env(file: str, values: dict[Any, Any]) -> None:
    """Raises ConfigError for what Ray would refuse with a traceback, or would not heed."""
    from ray.runtime_env import RuntimeEnv

    known = [name for name in RuntimeEnv.known_fields if not name.startswith("_")]
    for name in values:
        if name not in RuntimeEnv.known_fields:
            raise ConfigError(f"--runtime-env {file}: Ray's runtime environment has no '{name}'{did_you_mean(str(name), known)}")
    variables = values.get("env_vars", {})
    if not isinstance(variables, dict):
        raise ConfigError(f"--runtime-env {file}: env_vars must be a mapping, such as `env_vars: {{LEVEL: '2'}}`")
    for name, value in variables.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise ConfigError(f"--runtime-env {file}: env_vars must hold strings; write `{name}: '{value}'`")
        _check_variable(f"--runtime-env {file}", name, value)
    try:
        RuntimeEnv(**values)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"--runtime-env {file}: {in_a_line(error)}") from None


def variables(pairs: Sequence[str]) -> dict[str, str]:
    """NAME takes the value that the variable has here; NAME=VALUE gives one."""
    values = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        _check_variable(f"--env {pair}", name, value)
        if not equals and name not in os.environ:
            raise ConfigError(f"--env {name}: no such variable here; write NAME=VALUE to give it one")
        values[name] = value if equals else os.environ[name]
    return values


def _check_variable(where: str, name: str, value: str) -> None:
    """Raises ConfigError for a variable that no process can have: Ray starts none then, and the job waits for it."""
    if not name or "=" in name or "\0" in name + value:
        raise ConfigError(f"{where}: no environment variable can be called '{clean(name)}' and have this value; write NAME=VALUE")


def check_that_nothing_is_replaced(runtime_env: Mapping[str, Any], image: str | None, *, is_sent: bool) -> None:
    """Raises ConfigError for what `--runtime-env` says and `submit` would replace by its own."""
    if image and "image_uri" in runtime_env:
        raise ConfigError("--runtime-env names an image_uri, and --image another one; leave one of them out")
    if is_sent and "working_dir" in runtime_env:
        raise ConfigError(
            "--runtime-env names a working_dir, in which the recipe would not lie; send a folder with --working-dir"
        )
