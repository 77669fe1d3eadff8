"""`render kuberay`: a RayJob of KubeRay that runs a recipe on Kubernetes, with worker groups sized from the recipe's phases."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import yaml

from interloom.jobs import _kubernetes_names as names
from interloom.jobs._show import clean
from interloom.pipeline.errors import ConfigError
from interloom.pipeline.planning.phases import cut
from interloom.pipeline.planning.plan import outline
from interloom.pipeline.planning.recipe import read_recipe
from interloom.pipeline.planning.worker_needs import Needs
from interloom.pipeline.store import storage
from interloom.pipeline.store.lease import WAIT_OF_JOBS_S

GIB = 1 << 30
_MEMORY_PER_CPU = 4 * GIB
"""What a CPU gets where the recipe says nothing of memory: what general-purpose machines of all clouds have. Our choice."""
_FOR_WORKERS = 0.7
"""The share of a pod's memory that Ray gives to workers; the rest is its object store's."""
_HEAD = {"cpu": "2", "memory": "8Gi"}
"""The head runs the driver and Ray's own processes, and no units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """What the recipe does not say: `cpus` of a worker's pod, most pods of each kind, secrets and settings by reference.

    `secrets` and `config_maps` are names, all of whose entries become variables; `secret_env` is NAME=SECRET/KEY for one of them.
    """

    image: str
    at: str | None = None
    name: str | None = None
    namespace: str | None = None
    cpus: int = 16
    max_nodes: int = 50
    max_gpu_nodes: int = 8
    secrets: Sequence[str] = ()
    config_maps: Sequence[str] = ()
    secret_env: Sequence[str] = ()
    env: Sequence[str] = ()
    gpu_node: Sequence[str] = ()
    service_account: str | None = None
    retries: int = 3
    keep_s: int = 600
    wait_for_nodes_s: int = 1800


@dataclass(frozen=True, slots=True)
class _Pod:
    """What one pod of a group has, and how many of them there may be."""

    cpus: int
    gpus: int
    memory_bytes: int
    most: int


def kuberay(recipe: str, settings: Sequence[str], cluster: Cluster) -> tuple[str, Sequence[str]]:
    """The RayJob in YAML, and notes for people about it. Raises ConfigError with what is wrong with the recipe, with where it and
    its run lie, or with names that Kubernetes does not take."""
    _check_names(cluster)
    located, checked = read_recipe(recipe, settings)
    plan = outline(located, checked)
    at = cluster.at or recipe
    if not storage.is_remote(at):
        raise ConfigError(f"{at}: pods do not see this file; copy it to object storage and name that place with --at s3://...")
    if not storage.is_remote(plan.run) and not plan.run.startswith("/"):
        raise ConfigError(f"run: {plan.run} would lie in a pod that is removed; choose s3://bucket/key or a shared volume")
    needs = [phase.needs() for phase in cut(plan)]
    words = [word for setting in settings for word in ("--set", setting)]
    waits = [f"--wait-for-nodes-s={cluster.wait_for_nodes_s}", f"--wait-for-run-s={WAIT_OF_JOBS_S}"]
    command = ["interloom", "run", at, "--address", "auto", *waits, *words]
    namespace = {"namespace": cluster.namespace} if cluster.namespace else {}
    job = {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": {"name": names.of_job(cluster.name or plan.name)} | namespace,
        "spec": {
            "entrypoint": shlex.join(command),
            "backoffLimit": cluster.retries,
            "shutdownAfterJobFinishes": True,
            "ttlSecondsAfterFinished": cluster.keep_s,
            "rayClusterSpec": _cluster(needs, cluster),
        },
    }
    notes = [*_notes(located.variables, cluster, needs), *_note_of_volume(plan.run)]
    return _HEADER.format(at=clean(at)) + yaml.safe_dump(job, sort_keys=False, width=120), notes


def _notes(variables: Sequence[str], cluster: Cluster, needs: Sequence[Needs]) -> Iterator[str]:
    """A line for each variable of the recipe that the RayJob does not give to pods, which cannot read the recipe without; and one
    for labels of pods that the RayJob does not have."""
    if cluster.gpu_node and not any(each.gpus for each in needs):
        yield "note: no step of the recipe asks for GPUs, so no pod has the labels of --gpu-node"
    given = {pair.partition("=")[0] for pair in (*cluster.env, *cluster.secret_env)}
    others = [*cluster.secrets, *cluster.config_maps]
    unless = f", unless {' or '.join(others)} has it" if others else ""
    for name in variables:
        if name not in given:
            way_out = f"give it with --env {name}=VALUE or --secret-env"
            yield f"note: the recipe names ${{{name}}}, which pods do not have{unless}; {way_out}"


def _note_of_volume(run: str) -> Iterator[str]:
    """A line for a run folder on a file system, of which the RayJob knows nothing."""
    if not storage.is_remote(run):
        yield f"note: run: {clean(run)} must be on a volume that all pods share; this file mounts none: add it to all groups"


def _check_names(cluster: Cluster) -> None:
    """Raises ConfigError with each name that Kubernetes would refuse."""
    references = _references_to_keys(cluster)
    labels = names.pairs(cluster.gpu_node, "--gpu-node")
    named = [name for name, *_ in (*_given(cluster), *references)]
    rules = [
        ("--image", re.compile(r"\S+"), [cluster.image]),
        ("--namespace", names.NAMESPACE, [] if cluster.namespace is None else [cluster.namespace]),
        ("--secret", names.NAME, cluster.secrets),
        ("--config-map", names.NAME, cluster.config_maps),
        ("--service-account", names.NAME, [] if cluster.service_account is None else [cluster.service_account]),
        ("--secret-env", names.NAME, [secret for _, secret, _ in references]),
        ("--secret-env", names.KEY, [key for *_, key in references]),
        ("--env and --secret-env", names.VARIABLE, named),
        ("--gpu-node", names.LABEL, [label for label, _ in labels]),
        ("--gpu-node", names.LABEL_VALUE, [value for _, value in labels]),
    ]
    wrong = [
        f"{option}: '{each}' is no name that Kubernetes takes"
        for option, rule, given in rules
        for each in given
        if not rule.fullmatch(each)
    ]
    for option, given in (("--env and --secret-env", named), ("--gpu-node", [label for label, _ in labels])):
        wrong += [f"{option}: '{each}' is given more than once" for each in dict.fromkeys(given) if given.count(each) > 1]
    if wrong:
        raise ConfigError(*wrong)


_HEADER = "# Runs {at}: `kubectl apply -f` this file. Each retry is a new cluster, on which the run goes on from its commits.\n"


def _cluster(needs: Sequence[Needs], cluster: Cluster) -> dict[str, Any]:
    on_cpus, on_gpus = [need for need in needs if not need.gpus], [need for need in needs if need.gpus]
    groups = [_group("cpu", cpu_pod(on_cpus, cluster), cluster)]
    if on_gpus:
        groups.append(_group("gpu", gpu_pod(on_gpus, cluster), cluster))
    return {
        "rayVersion": version("ray"),
        "enableInTreeAutoscaling": True,
        "autoscalerOptions": {"version": "v2", "idleTimeoutSeconds": 120, "upscalingMode": "Default"},
        "headGroupSpec": {"rayStartParams": {"num-cpus": "0"}, "template": _template("ray-head", _HEAD, cluster)},
        "workerGroupSpecs": groups,
    }


def cpu_pod(needs: Sequence[Needs], cluster: Cluster) -> _Pod:
    """A pod that holds one worker of any phase, and as many as its CPUs allow of each."""
    cpus = max([cluster.cpus, *(math.ceil(each.cpus) for each in needs)])
    memory = max([cpus * _MEMORY_PER_CPU, *(_memory(each, cpus // each.cpus) for each in needs)])
    return _Pod(cpus, 0, memory, _most(needs, lambda each: cpus // each.cpus, cluster.max_nodes))


def gpu_pod(needs: Sequence[Needs], cluster: Cluster) -> _Pod:
    """A pod with the GPUs of the largest worker, and CPUs and memory for as many workers as its GPUs allow of each phase; one CPU
    more, which is left to tasks."""
    gpus = max(math.ceil(each.gpus) for each in needs)
    cpus = max(math.ceil(each.cpus * (gpus // each.gpus)) for each in needs) + 1
    memory = max([cpus * _MEMORY_PER_CPU, *(_memory(each, gpus // each.gpus) for each in needs)])
    return _Pod(cpus, gpus, memory, _most(needs, lambda each: gpus // each.gpus, cluster.max_gpu_nodes))


def _memory(needs: Needs, workers: float) -> int:
    """The memory of a pod with so many of these workers."""
    return math.ceil((needs.memory_bytes or needs.usual_bytes) * workers / _FOR_WORKERS)


def _most(needs: Sequence[Needs], per_pod: Callable[[Needs], float], otherwise: int) -> int:
    """Pods for all the workers that the recipe allows; `otherwise` if it does not say for each phase."""
    if not all(each.workers for each in needs):
        return otherwise
    return max(math.ceil((each.workers or 1) / per_pod(each)) for each in needs)


def _group(name: str, pod: _Pod, cluster: Cluster) -> dict[str, Any]:
    has = {"cpu": str(pod.cpus), "memory": f"{math.ceil(pod.memory_bytes / GIB)}Gi"}
    has |= {"nvidia.com/gpu": str(pod.gpus)} if pod.gpus else {}
    template = _template("ray-worker", has, cluster)
    if pod.gpus:
        template["spec"]["tolerations"] = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
        if cluster.gpu_node:
            template["spec"]["nodeSelector"] = dict(names.pairs(cluster.gpu_node, "--gpu-node"))
    counts = {"replicas": 0, "minReplicas": 0, "maxReplicas": pod.most}
    return {"groupName": name, **counts, "rayStartParams": {}, "template": template}


def _template(name: str, has: Mapping[str, str], cluster: Cluster) -> dict[str, Any]:
    container: dict[str, Any] = {"name": name, "image": cluster.image}
    container["resources"] = {"requests": dict(has), "limits": dict(has)}
    container |= {"env": _variables(cluster), "envFrom": _references(cluster)}
    spec: dict[str, Any] = {"containers": [{key: value for key, value in container.items() if value}]}
    if cluster.service_account:
        spec["serviceAccountName"] = cluster.service_account
    return {"spec": spec}


def _variables(cluster: Cluster) -> list[dict[str, Any]]:
    values = [{"name": name, "value": _literal(value)} for name, value in _given(cluster)]
    return values + [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
        for name, secret, key in _references_to_keys(cluster)
    ]


def _given(cluster: Cluster) -> list[tuple[str, str]]:
    """The variables of `--env`, of which one may be empty."""
    return names.pairs(cluster.env, "--env", may_be_empty=True)


def _literal(value: str) -> str:
    """The value as Kubernetes reads it, which takes `$(NAME)` for another variable's value, and `$$` for `$`."""
    return value.replace("$", "$$")


def _references_to_keys(cluster: Cluster) -> list[tuple[str, str, str]]:
    """Of each variable from a Secret: its name, the Secret and the key in it."""
    pairs = names.pairs(cluster.secret_env, "--secret-env")
    return [(name, *names.pair(place, f"--secret-env {name}=", "/")) for name, place in pairs]


def _references(cluster: Cluster) -> list[dict[str, Any]]:
    secrets = [{"secretRef": {"name": name}} for name in cluster.secrets]
    return secrets + [{"configMapRef": {"name": name}} for name in cluster.config_maps]
