"""The names that Kubernetes takes, by what they name, and options that give them in pairs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from interloom.pipeline.errors import ConfigError

_DNS_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
NAMESPACE = re.compile(_DNS_LABEL)
_DNS_NAME = rf"{_DNS_LABEL}(\.{_DNS_LABEL})*"
NAME = re.compile(rf"(?=.{{1,253}}$){_DNS_NAME}")
"""Of a Secret, a ConfigMap or an account, as Kubernetes takes it."""
KEY = re.compile(r"[-._a-zA-Z0-9]+")
VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
LABEL_VALUE = re.compile(r"[a-zA-Z0-9]([-._a-zA-Z0-9]{0,61}[a-zA-Z0-9])?")
LABEL = re.compile(rf"({_DNS_NAME}/)?{LABEL_VALUE.pattern}")
_LONGEST_NAME = 47
"""Characters of the name of a RayJob, to which KubeRay adds its own."""


def pairs(texts: Sequence[str], option: str, *, may_be_empty: bool = False) -> list[tuple[str, str]]:
    """Both sides of each `NAME=VALUE`. Raises ConfigError for what is none."""
    return [pair(text, option, "=", may_be_empty=may_be_empty) for text in texts]


def pair(text: str, option: str, between: str, *, may_be_empty: bool = False) -> tuple[str, str]:
    """What stands left and right of the sign `between`. Raises ConfigError if one is missing, but for a right side that
    `may_be_empty`."""
    left, sign, right = text.partition(between)
    if not (left and sign and (right or may_be_empty)):
        raise ConfigError(f"{option} {text}: write it as A{between}B")
    return left, right


def of_job(name: str) -> str:
    """A name that Kubernetes takes: "OBELICS_v1.2" -> "obelics-v1-2"."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    plain = plain if plain[:1].isalpha() else f"run-{plain}"
    return plain[:_LONGEST_NAME].rstrip("-")
