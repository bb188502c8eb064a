"""What the chart makes of its values files: valid, restricted, and the same at each render."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
import yaml

from .conftest import CHART, DATABASES, VALUES, Render, containers, helm, merged, named, of_kind, pods, values_of

KUBERNETES = "1.34"


def test_the_official_chart_is_pinned() -> None:
    wanted = yaml.safe_load((CHART / "Chart.yaml").read_text())["dependencies"]
    locked = yaml.safe_load((CHART / "Chart.lock").read_text())["dependencies"]
    assert [(each["name"], each["version"]) for each in wanted] == [("airflow", "1.22.0")]
    assert locked == wanted, "Chart.lock differs from Chart.yaml: helm dependency update charts/mendel"


@pytest.mark.parametrize("name", VALUES)
def test_lint_has_nothing_to_say(name: str) -> None:
    found = helm.lint(CHART, merged(values_of(name), {"secrets": {"seed": "s" * 32}}), kube_version=f"{KUBERNETES}.0")
    assert found["errors"] == []
    assert [said for said in found["messages"] if "icon" not in said["error"]] == []


def test_every_manifest_is_valid(objects: list[dict[str, Any]]) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate")
    for item in objects:
        kubernetes_validate.validate(item, KUBERNETES, strict=True)
    assert len(objects) > 40


@pytest.mark.parametrize("name", VALUES)
def test_all_is_valid_with_the_other_executor(name: str, render: Render) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate")
    objects = render(name, {"airflow": {"executor": "KubernetesExecutor"}})
    template = yaml.safe_load(named(objects, "ConfigMap", "mendel-airflow-config")["data"]["pod_template_file.yaml"])
    for item in (*objects, template):
        kubernetes_validate.validate(item, KUBERNETES, strict=True)
    for where, spec in (*pods(objects), ("pod template", template["spec"])):
        check_restricted(where, spec)
    launcher = named(objects, "RoleBinding", "mendel-launcher")
    assert template["spec"]["serviceAccountName"] in {subject["name"] for subject in launcher["subjects"]}


def test_every_pod_is_restricted(objects: list[dict[str, Any]]) -> None:
    found = pods(objects)
    assert len(found) >= 7, f"only {[name for name, _ in found]}"
    for name, spec in found:
        check_restricted(name, spec)


def check_restricted(name: str, spec: dict[str, Any]) -> None:
    """More than the restricted Pod Security Standard: limits, pinned images and read-only roots too."""
    pod = spec["securityContext"]
    assert pod["runAsNonRoot"] is True, f"{name} may run as root"
    assert pod["runAsUser"] > 0, f"{name} runs as root"
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}, f"{name} has no seccomp profile"
    assert not [v for v in spec.get("volumes") or [] if "hostPath" in v], f"{name} mounts a folder of its node"
    for container in containers(spec):
        where = f"{name}, container {container['name']}"
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False, f"{where} may gain privileges"
        assert own["readOnlyRootFilesystem"] is True, f"{where} can write to its root"
        assert own["capabilities"] == {"drop": ["ALL"]}, f"{where} keeps capabilities"
        assert {"cpu", "memory"} <= container["resources"]["limits"].keys(), f"{where} has no limits"
        tag = container["image"].rpartition("/")[2].partition(":")[2]
        assert tag not in ("", "latest"), f"{where} runs {container['image']}, which is not pinned"


TOKENS = {"mendel-airflow-scheduler", "mendel-airflow-triggerer"}


def test_only_those_that_ask_kubernetes_have_a_token(objects: list[dict[str, Any]]) -> None:
    accounts = of_kind(objects, "ServiceAccount")
    given = {item["metadata"]["name"] for item in accounts if item.get("automountServiceAccountToken", True)}
    assert given == TOKENS  # Spark's driver asks for one in its pod class


POD_VERBS = ["get", "list", "watch", "patch", "delete"]
WATCHER = [("pods", POD_VERBS), ("pods/log", ["get"]), ("events", ["list", "watch"])]
VERBS = {
    "mendel-airflow-scheduler": [("pods", ["create"]), *WATCHER],
    "mendel-airflow-triggerer": WATCHER,
    "mendel-spark": [
        ("pods", ["get", "list", "watch", "create", "patch", "delete", "deletecollection"]),
        ("configmaps", ["get", "list", "create", "delete", "deletecollection"]),
        ("services", ["deletecollection"]),
    ],
}
"""All that anybody may do: account → resource → verbs."""


def test_accounts_may_do_what_is_listed_and_nothing_else(objects: list[dict[str, Any]]) -> None:
    assert not [item for item in objects if item["kind"].startswith("ClusterRole")]
    roles = {item["metadata"]["name"]: item["rules"] for item in of_kind(objects, "Role")}
    allowed: dict[str, list[tuple[str, list[str]]]] = {}
    for binding in of_kind(objects, "RoleBinding"):
        for subject in binding["subjects"]:
            for rule in roles[binding["roleRef"]["name"]]:
                allowed.setdefault(subject["name"], []).extend((name, rule["verbs"]) for name in rule["resources"])
    assert allowed == VERBS


def test_the_stages_find_what_their_pods_refer_to(render: Render) -> None:
    """The pod classes of include/pods name objects; the chart makes them under these names."""
    classes = "".join(path.read_text() for path in (CHART.parents[1] / "include" / "pods").glob("*.yaml"))
    objects = render("local")
    for kind, pattern in {
        "ServiceAccount": r"serviceAccountName: \$\{MENDEL_RELEASE\}-(\w+)",
        "PriorityClass": r"priorityClassName: \$\{MENDEL_RELEASE\}-(\w+)",
        "ConfigMap": r'(?:configMapRef|configMap): \{name: "\$\{MENDEL_RELEASE\}-(\w+)"',
    }.items():
        wanted = {f"mendel-{name}" for name in re.findall(pattern, classes)}
        made = {item["metadata"]["name"] for item in of_kind(objects, kind)}
        assert wanted, f"no pod class names a {kind}"
        assert wanted <= made, f"{kind}: {wanted - made} is not made"


def test_a_pod_class_needs_no_variable_that_airflow_has_not(render: Render) -> None:
    classes = "".join(path.read_text() for path in (CHART.parents[1] / "include" / "pods").glob("*.yaml"))
    wanted = set(re.findall(r"\$\{(MENDEL_[A-Z_]+)", classes))
    assert wanted
    assert wanted <= named(render("local"), "ConfigMap", "mendel-airflow")["data"].keys()


@pytest.mark.parametrize("name", VALUES)
def test_the_pipeline_is_one_that_mendel_takes(name: str, render: Render, tmp_path: Any) -> None:
    from mendel import config
    from mendel.pipeline import Pipeline

    text = named(render(name), "ConfigMap", "mendel-pipeline")["data"]["pipeline.yaml"]
    deployed = tmp_path / "include" / "deployment"
    deployed.mkdir(parents=True)
    for folder in ("noise", "recipes"):
        (deployed.parent / folder).symlink_to(CHART.parents[1] / "include" / folder)
    (deployed / "pipeline.yaml").write_text(text)
    assert Pipeline.model_validate(config.load(str(deployed / "pipeline.yaml"))).version.remote


def secrets_of(objects: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    return {item["metadata"]["name"]: item.get("data", {}) for item in of_kind(objects, "Secret")}


def test_secrets_are_the_same_at_each_render(fresh: Render, render: Render) -> None:
    first, second = secrets_of(fresh("local")), secrets_of(fresh("local"))
    assert {"mendel-airflow", "mendel-mlflow", "mendel-postgresql", "mendel-stages"} <= first.keys()
    assert first == second
    assert secrets_of(render("local", {"secrets": {"seed": "x" * 32}})) != first


def test_no_two_secrets_are_equal_and_none_is_short(render: Render) -> None:
    found = secrets_of(render("local"))
    values = [
        value for name in ("mendel-airflow", "mendel-postgresql", "mendel-stages") for value in found[name].values()
    ]
    assert len(set(values)) == len(values)
    airflow = {name: base64.b64decode(value) for name, value in found["mendel-airflow"].items()}
    assert len(base64.urlsafe_b64decode(airflow["fernet-key"])) == 32, "Fernet takes 32 bytes in base64"
    assert len(airflow["jwt-secret"]) >= 64
    assert len(airflow["admin-password"]) >= 20


def test_an_upgrade_that_finds_no_secrets_fails(chart: Any) -> None:
    with pytest.raises(helm.HelmRenderError, match=r"has no .* any more"):
        chart.render(values_of("local"), name="mendel", namespace="mendel", is_upgrade=True, is_install=False)


def test_a_short_seed_is_refused(render: Render) -> None:
    with pytest.raises(helm.HelmRenderError, match=r"secrets\.seed: at least 32 characters"):
        render("local", {"secrets": {"seed": "short"}})


def test_without_create_every_secret_is_yours(render: Render) -> None:
    objects = render("eks")
    made = {item["metadata"]["name"] for item in objects if item["kind"] == "Secret"}
    assert made <= {"mendel-stage-version"}, "what holds no secrets"


def test_one_own_databases_go_into_the_secrets(render: Render) -> None:
    found = secrets_of(render("eks", DATABASES))
    assert base64.b64decode(found["mendel-airflow"]["connection"]).decode() == DATABASES["secrets"]["airflowDatabase"]


def test_no_password_is_written_down(objects: list[dict[str, Any]]) -> None:
    for name, spec in pods(objects):
        for container in containers(spec):
            text = json.dumps([container.get("args"), container.get("command")])
            assert not re.search(r"admin:admin|postgres:postgres|password=", text), name
            for variable in container.get("env") or []:
                secret = re.search("PASSWORD|SECRET|KEY$|CONN$", variable["name"])
                assert not secret or "valueFrom" in variable, f"{name} has {variable['name']} in plain sight"


def test_all_is_denied_but_what_is_listed(objects: list[dict[str, Any]]) -> None:
    deny = named(objects, "NetworkPolicy", "mendel-default-deny")["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    mlflow = named(objects, "NetworkPolicy", "mendel-mlflow")["spec"]["ingress"]
    assert [peer["podSelector"]["matchExpressions"] for rule in mlflow for peer in rule["from"]] == [
        [{"key": "mendel/stage", "operator": "In", "values": ["finetune", "evaluate", "promote"]}]
    ], "only the stages that record there reach MLflow"
    for item in of_kind(objects, "NetworkPolicy"):
        for rule in item["spec"].get("ingress") or []:
            assert rule.get("from"), f"{item['metadata']['name']} lets in everybody"


STREAM = {
    "stream": {
        "enabled": True,
        "settings": ["source.kind=kafka", "source.servers=kafka:9092", "source.topic=noisy"],
        "brokers": [{"to": [{"podSelector": {"matchLabels": {"app": "kafka"}}}], "ports": [{"port": 9092}]}],
        "scrapers": [{"podSelector": {"matchLabels": {"app": "prometheus"}}}],
    }
}


def test_the_stream_is_off_unless_asked_for(objects: list[dict[str, Any]]) -> None:
    assert not [item for item in objects if item["metadata"]["name"] == "mendel-stream"]


@pytest.mark.parametrize("name", VALUES)
def test_the_stream_is_one_restricted_pod(name: str, render: Render) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate")
    objects = render(name, STREAM)
    deployment = named(objects, "Deployment", "mendel-stream")
    kubernetes_validate.validate(deployment, KUBERNETES, strict=True)
    pod = deployment["spec"]["template"]["spec"]
    check_restricted("stream", pod)
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})
    assert pod["automountServiceAccountToken"] is False
    assert pod["containers"][0]["args"][-1] == "--set=source.topic=noisy"
    for kind, wanted in {
        "ServiceAccount": pod["serviceAccountName"],
        "PriorityClass": pod["priorityClassName"],
        "ConfigMap": pod["containers"][0]["envFrom"][0]["configMapRef"]["name"],
    }.items():
        assert named(objects, kind, wanted)


def test_the_stream_reaches_the_store_and_what_is_listed(render: Render) -> None:
    objects = render("local", STREAM)
    labels = named(objects, "Deployment", "mendel-stream")["spec"]["template"]["metadata"]["labels"]
    policy = named(objects, "NetworkPolicy", "mendel-stream")["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert policy["egress"] == STREAM["stream"]["brokers"]
    assert policy["ingress"] == [{"from": STREAM["stream"]["scrapers"], "ports": [{"port": 9108, "protocol": "TCP"}]}]
    stages = named(objects, "NetworkPolicy", "mendel-stages")["spec"]["podSelector"]
    assert stages["matchLabels"].items() <= labels.items()
    assert all(labels[one["key"]] in one["values"] for one in stages["matchExpressions"])


def test_gpus_are_capped(objects: list[dict[str, Any]]) -> None:
    quota = named(objects, "ResourceQuota", "mendel")["spec"]["hard"]
    (limits,) = named(objects, "LimitRange", "mendel")["spec"]["limits"]
    assert int(quota["requests.nvidia.com/gpu"]) >= int(limits["max"]["nvidia.com/gpu"]) >= 1
    assert limits["default"]["nvidia.com/gpu"] == limits["defaultRequest"]["nvidia.com/gpu"] == "0", "else all get one"


def test_logs_outlive_their_pods(objects: list[dict[str, Any]]) -> None:
    config = named(objects, "ConfigMap", "mendel-airflow-config")["data"]["airflow.cfg"]
    assert "remote_logging = True" in config
    assert re.search(r"remote_base_log_folder = s3://\S+/logs", config)


def test_telemetry_is_off(objects: list[dict[str, Any]]) -> None:
    environment = named(objects, "ConfigMap", "mendel-stages")["data"]
    assert environment["GX_ANALYTICS_ENABLED"] == "false"
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert environment["DVC_NO_ANALYTICS"] == "1"


@pytest.mark.parametrize(
    "values",
    [
        {"unknown": 1},
        {"global": {"lakes": "s3://x"}},
        {"mlflow": {"imag": "x:1"}},
        {"airflow": {"unknown": 1}},
        {"airflow": {"scheduler": {"replica": 2}}},
        {"global": {"approval": "perhaps"}},
        {"quota": {"gpus": "many"}},
        {"stream": {"settings": ["topic"]}},
    ],
    ids=json.dumps,
)
def test_an_unknown_value_is_refused(render: Render, values: dict[str, Any]) -> None:
    with pytest.raises((helm.HelmRenderError, helm.HelmValuesError)):
        render("local", values)


def test_the_readme_lists_the_values() -> None:
    from .table import readme

    assert (CHART / "README.md").read_text() == readme(), "charts/mendel/README.md is not up to date: make chart"
