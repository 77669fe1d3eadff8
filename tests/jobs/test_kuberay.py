"""The RayJob that `render kuberay` writes: valid for KubeRay, sized from the recipe, and without secrets in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result

from interloom.jobs.__main__ import main
from interloom.jobs._kuberay import GIB, Cluster, cpu_pod, gpu_pod
from interloom.pipeline.planning import plugins
from interloom.pipeline.planning.worker_needs import Needs

SINK = {"use": "stages.write_parquet"}
CPU_STEP = {"use": "filters.word_count", "resources": {"cpus": 2}}
SCORE = {"use": "stages.score_clip", "with": {"model": "ViT-B-32"}, "resources": {"gpus": 0.5, "cpus": 4, "workers": 6}}
ON_GPUS = [{"use": "stages.fetch_images", "with": {"sources": ["http"]}}, SCORE]


@pytest.fixture
def render(tmp_path: Path) -> Callable[..., Result]:
    """Renders a recipe of these steps with these options."""

    def render(*steps: dict[str, Any], options: tuple[str, ...] = (), run: str = "s3://bucket/web") -> Result:
        source = {"use": "stages.read_documents", "with": {"paths": "s3://bucket/crawl"}}
        file = tmp_path / "web.yaml"
        file.write_text(yaml.safe_dump({"name": "Web_1.0", "run": run, "steps": [source, *steps, SINK]}))
        words = ["render", "kuberay", str(file), "--image", "interloom:1", "--at", "s3://bucket/web.yaml", *options]
        return CliRunner().invoke(main, words)

    return render


def spec(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    return dict(yaml.safe_load(result.stdout)["spec"])


def groups(result: Result) -> dict[str, dict[str, Any]]:
    return {group["groupName"]: group for group in spec(result)["rayClusterSpec"]["workerGroupSpecs"]}


_OPTIONS = ("--secret", "aws", "--config-map", "settings", "--secret-env", "HF_TOKEN=hf/token", "--env", "AWS_REGION=x")
EVERYTHING = (*_OPTIONS, "--service-account", "crawler", "--gpu-node", "gpu=h100", "--namespace", "data")


@pytest.mark.shared_data("11_kuberay", twin="test_the_job_has_the_fields_of_a_rayjob_at_their_places")
def test_the_job_is_valid_for_kuberay(render: Any, shared_data: Path) -> None:
    schema = json.loads((shared_data / "11_kuberay" / "rayjob_v1.schema.json").read_text())
    job = yaml.safe_load(render(CPU_STEP, *ON_GPUS, options=EVERYTHING).stdout)
    assert [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(job)] == []
    job["spec"]["rayClusterSpec"]["backoffLimit"] = 3
    assert list(jsonschema.Draft7Validator(schema).iter_errors(job)) != []  # the schema finds what stands in the wrong place


def test_the_job_has_the_fields_of_a_rayjob_at_their_places(render: Any) -> None:
    job = yaml.safe_load(render(CPU_STEP, options=("--retries", "5", "--keep-s", "60", "--namespace", "data")).stdout)
    assert job["metadata"] == {"name": "web-1-0", "namespace": "data"}
    assert {key: value for key, value in job["spec"].items() if key != "rayClusterSpec"} == {
        "entrypoint": "interloom run s3://bucket/web.yaml --address auto --wait-for-nodes-s=1800 --wait-for-run-s=75",
        "backoffLimit": 5,
        "shutdownAfterJobFinishes": True,
        "ttlSecondsAfterFinished": 60,
    }
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["enableInTreeAutoscaling"] is True
    assert cluster["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0"}


def test_settings_are_part_of_what_the_job_runs(render: Any) -> None:
    command = spec(render(CPU_STEP, options=("--set", "steps.1.with.at_least=7")))["entrypoint"]
    assert command.endswith(" --set steps.1.with.at_least=7")


def test_a_recipe_without_gpus_has_one_group_of_workers(render: Any) -> None:
    assert list(groups(render(CPU_STEP))) == ["cpu"]


def test_a_gpu_group_starts_at_zero_and_grows_to_the_workers_of_the_recipe(render: Any) -> None:
    group = groups(render(*ON_GPUS))["gpu"]
    assert (group["replicas"], group["minReplicas"], group["maxReplicas"]) == (0, 0, 3)  # 6 workers of half a GPU
    [container] = group["template"]["spec"]["containers"]
    assert container["resources"]["limits"] == {"cpu": "9", "memory": "36Gi", "nvidia.com/gpu": "1"}
    assert container["resources"]["requests"] == container["resources"]["limits"]


def test_secrets_are_named_and_never_written(render: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "the-secret-itself")
    result = render(*ON_GPUS, options=EVERYTHING)
    cluster = spec(result)["rayClusterSpec"]
    for group in [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]:
        [container] = group["template"]["spec"]["containers"]
        assert container["envFrom"] == [{"secretRef": {"name": "aws"}}, {"configMapRef": {"name": "settings"}}]
        token = {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf", "key": "token"}}}
        assert container["env"] == [{"name": "AWS_REGION", "value": "x"}, token]
        assert group["template"]["spec"]["serviceAccountName"] == "crawler"
    assert "the-secret-itself" not in result.stdout


def test_pods_with_gpus_go_to_the_named_nodes(render: Any) -> None:
    result = groups(render(*ON_GPUS, options=EVERYTHING))
    assert result["gpu"]["template"]["spec"]["nodeSelector"] == {"gpu": "h100"}
    assert "nodeSelector" not in result["cpu"]["template"]["spec"]


def test_a_pod_holds_the_memory_that_its_workers_reserve() -> None:
    pod = cpu_pod([Needs(cpus=2, memory_bytes=7 * GIB), Needs(cpus=1)], Cluster(image="i", cpus=8))
    assert (pod.cpus, pod.memory_bytes) == (8, 40 * GIB)  # 4 workers of 7 GiB; Ray gives workers 70 % of a pod
    assert cpu_pod([Needs(cpus=1)], Cluster(image="i", cpus=8)).memory_bytes == 32 * GIB


def test_a_pod_that_is_told_nothing_holds_any_step_with_a_model_of_a_gigabyte() -> None:
    for_workers = 0.7 * cpu_pod([Needs()], Cluster(image="i", cpus=1)).memory_bytes
    largest = max(plugins.find(use).kind.memory_bytes for use in plugins.available())
    assert largest + GIB <= for_workers


def test_a_pod_is_as_large_as_the_largest_worker() -> None:
    assert cpu_pod([Needs(cpus=30), Needs()], Cluster(image="i", cpus=8)).cpus == 30
    assert gpu_pod([Needs(gpus=4, cpus=8), Needs(gpus=1, cpus=3)], Cluster(image="i")).gpus == 4
    assert gpu_pod([Needs(gpus=4, cpus=8), Needs(gpus=1, cpus=3)], Cluster(image="i")).cpus == 13


@pytest.mark.parametrize(
    ("run", "options", "line"),
    [
        ("out", (), "run: out would lie in a pod that is removed; choose s3://bucket/key or a shared volume\n"),
        ("s3://b/r", ("--at", "web.yaml"), "web.yaml: pods do not see this file; copy it to object storage and name that place"),
        ("s3://b/r", ("--secret-env", "A=b"), "--secret-env A= b: write it as A/B\n"),
    ],
)
def test_what_pods_cannot_use_is_refused_in_a_line(render: Any, run: str, options: tuple[str, ...], line: str) -> None:
    result = render(CPU_STEP, options=options, run=run)
    assert result.exit_code == 2
    assert result.stderr.startswith(line)


@pytest.mark.parametrize(
    ("option", "value", "name"),
    [
        ("--secret", "A B", "A B"),
        ("--config-map", "Settings", "Settings"),
        ("--secret-env", "HF_TOKEN=h_f/token", "h_f"),
        ("--secret-env", "HF TOKEN=hf/token", "HF TOKEN"),
        ("--env", "1A=x", "1A"),
        ("--gpu-node", "gpu=h 100", "h 100"),
        ("--namespace", "", ""),
        ("--namespace", "data.crawls", "data.crawls"),
        ("--namespace", "a" * 64, "a" * 64),
        ("--secret", "a..b", "a..b"),
        ("--gpu-node", "gpu=nvidia/h100", "nvidia/h100"),
        ("--service-account", "crawler!", "crawler!"),
    ],
)
def test_a_name_that_kubernetes_would_refuse_is_refused_here(render: Any, option: str, value: str, name: str) -> None:
    result = render(CPU_STEP, options=(option, value))
    assert (result.exit_code, f"'{name}' is no name that Kubernetes takes" in result.stderr) == (2, True), result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--env", "A=1", "--env", "A=2"), "--env and --secret-env: 'A' is given more than once\n"),
        (("--env", "A=1", "--secret-env", "A=hf/token"), "--env and --secret-env: 'A' is given more than once\n"),
        (("--gpu-node", "gpu=a", "--gpu-node", "gpu=b"), "--gpu-node: 'gpu' is given more than once\n"),
    ],
)
def test_of_what_is_given_twice_nothing_is_lost_silently(render: Any, options: tuple[str, ...], line: str) -> None:
    result = render(CPU_STEP, options=options)
    assert (result.exit_code, result.stderr) == (2, line)


def test_values_of_variables_arrive_in_pods_as_they_were_given(render: Any) -> None:
    variables = ("A=pa$$word", "B=$(A)", "C=", "D=x=1", "E=two\nlines")
    cluster = spec(render(CPU_STEP, options=tuple(word for each in variables for word in ("--env", each))))["rayClusterSpec"]
    [container] = cluster["headGroupSpec"]["template"]["spec"]["containers"]
    as_kubernetes_reads = {each["name"]: each["value"].replace("$$", "$") for each in container["env"]}
    assert as_kubernetes_reads == {"A": "pa$$word", "B": "$(A)", "C": "", "D": "x=1", "E": "two\nlines"}
    assert container["env"][1]["value"] == "$$(A)"  # else Kubernetes puts the value of A there


def test_a_run_folder_on_a_file_system_is_noted_because_no_volume_is_mounted(render: Any) -> None:
    note = "note: run: /mnt/run must be on a volume that all pods share; this file mounts none: add it to all groups\n"
    assert render(CPU_STEP, run="/mnt/run").stderr == note


def test_labels_of_nodes_with_gpus_that_no_pod_has_are_noted(render: Any) -> None:
    note = "note: no step of the recipe asks for GPUs, so no pod has the labels of --gpu-node\n"
    assert render(CPU_STEP, options=("--gpu-node", "gpu=h100")).stderr == note
    assert render(CPU_STEP, *ON_GPUS, options=("--gpu-node", "gpu=h100")).stderr == ""


def test_a_variable_that_pods_do_not_have_is_noted(render: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUCKET", "bucket")
    result = render(CPU_STEP, run="s3://${BUCKET}/web")
    note = "note: the recipe names ${BUCKET}, which pods do not have; give it with --env BUCKET=VALUE or --secret-env\n"
    assert (result.exit_code, result.stderr) == (0, note)
    assert render(CPU_STEP, run="s3://${BUCKET}/web", options=("--env", "BUCKET=bucket")).stderr == ""
