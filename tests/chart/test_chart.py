"""What the chart makes of its values files: valid, restricted, and the same at each render."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
import yaml
from chart_values import readme

from mendel.core import config
from mendel.serving import hosts
from mendel.serving.keys import Keys
from mendel.serving.settings import Serve
from mendel.streaming.settings import Stream

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
    from mendel.core import config
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


def test_promote_has_an_account_and_a_role_of_its_own(render: Render) -> None:
    role = "eks.amazonaws.com/role-arn"
    accounts = {item["metadata"]["name"]: item["metadata"] for item in of_kind(render("eks"), "ServiceAccount")}
    roles = {name: accounts[f"mendel-{name}"]["annotations"][role] for name in ("cpu", "gpu", "spark", "promote")}
    assert roles["promote"].endswith("-promote"), "it alone may write the ledger"
    assert {roles[name].rpartition("-")[2] for name in ("cpu", "gpu", "spark")} == {"stages"}


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


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("mendel-mlflow", True),
        ("mendel-mlflow:5000", True),
        ("mendel-mlflow.mendel:5000", True),
        ("mendel-mlflow.mendel.svc:5000", True),
        ("mendel-mlflow.mendel.svc.cluster.local:5000", True),
        ("localhost", True),
        ("localhost:5000", True),
        ("mlflow.example.com", True),
        ("mlflow.example.com:8443", True),
        ("narrow.example.com:443", True),
        ("narrow.example.com:8443", False),
        ("evil.example.com", False),
        ("mendel-mlflow.evil.example.com", False),
    ],
)
def test_mlflow_answers_to_its_names_with_a_port_and_without(render: Render, host: str, allowed: bool) -> None:
    from mlflow.server.security_utils import is_allowed_host_header

    # Given a name of the deployment's own, without a port, and one with a port
    objects = render(VALUES[0], {"mlflow": {"allowedHosts": ["mlflow.example.com", "narrow.example.com:443"]}})
    container = named(objects, "Deployment", "mendel-mlflow")["spec"]["template"]["spec"]["containers"][0]
    hosts = next(entry["value"] for entry in container["env"] if entry["name"] == "MLFLOW_SERVER_ALLOWED_HOSTS")
    # Then MLflow, which compares name and port as one word, takes what was meant
    assert is_allowed_host_header(hosts.split(","), host) is allowed, f"{host} of {hosts}"


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
    said = [one.removeprefix("--set=") for one in pod["containers"][0]["args"] if one.startswith("--set=")]
    assert Stream.model_validate(config.override({}, said)).metrics_host == "0.0.0.0", "Prometheus is another pod"
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


CALLERS = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "callers"}}}]
SERVE = {"serve": {"enabled": True, "callers": CALLERS, "settings": ["poll_seconds=1"]}}


def the_service(objects: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Its Deployment, pod and container."""
    deployment = named(objects, "Deployment", "mendel-serve")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    return deployment, pod, container


def told(container: dict[str, Any]) -> Serve:
    """The settings that its arguments come to."""
    said = [argument.removeprefix("--set=") for argument in container["args"] if argument.startswith("--set=")]
    return Serve.model_validate(config.override({}, said))


def test_the_service_is_off_on_a_laptop_and_on_at_work(render: Render) -> None:
    assert not [item for item in render("local") if item["metadata"]["name"] == "mendel-serve"]
    assert {item["kind"] for item in render("eks") if item["metadata"]["name"] == "mendel-serve"} == {
        "Deployment",
        "HorizontalPodAutoscaler",
        "Ingress",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service",
        "ServiceAccount",
    }


def test_the_service_is_valid_and_restricted(render: Render) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate")
    objects = render("local", SERVE)
    for item in objects:
        kubernetes_validate.validate(item, KUBERNETES, strict=True)
    _, pod, container = the_service(objects)
    check_restricted("serve", pod)
    account = named(objects, "ServiceAccount", pod["serviceAccountName"])
    assert (pod["automountServiceAccountToken"], account["automountServiceAccountToken"]) == (False, False)
    assert container["args"][-1] == "--set=poll_seconds=1", "the values' settings come last, so they count"


def test_feedback_is_kept_where_a_value_says_so(render: Render) -> None:
    for over, kept in ({}, False), ({"feedback": True}, True):
        _, _, container = the_service(render("local", merged(SERVE, {"serve": over})))
        assert told(container).feedback is kept, over


def test_the_service_may_have_a_key_of_its_own(render: Render) -> None:
    # of two Secrets that have a name, the later one counts
    _, _, container = the_service(render("local", SERVE))
    secrets = [each["secretRef"] for each in container["envFrom"] if "secretRef" in each]
    assert [each["name"] for each in secrets] == ["mendel-stages", "mendel-stage-serve"]
    assert all(each["optional"] for each in secrets)


def test_a_pod_of_the_service_ends_only_when_nobody_needs_it(render: Render) -> None:
    deployment, pod, container = the_service(render("local", SERVE))
    assert deployment["spec"]["strategy"] == {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz", "without a champion it is alive all the same"
    settings = told(container)
    assert settings.drain_seconds >= 5, "balancers take seconds to hear of it"
    assert pod["terminationGracePeriodSeconds"] > settings.drain_seconds + settings.answer_seconds


@pytest.mark.parametrize(("name", "replicas"), [("local", 2), ("eks", None)])
def test_the_service_outlives_a_node(name: str, replicas: int | None, render: Render) -> None:
    objects = render(name, SERVE)
    deployment, pod, _ = the_service(objects)
    assert deployment["spec"].get("replicas") == replicas, "beside an autoscaler an upgrade would undo its choice"
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert [each["topologyKey"].rpartition("/")[2] for each in pod["topologySpreadConstraints"]] == ["zone", "hostname"]
    budget = named(objects, "PodDisruptionBudget", "mendel-serve")["spec"]
    for selector in (budget["selector"], *(each["labelSelector"] for each in pod["topologySpreadConstraints"])):
        assert selector["matchLabels"].items() <= labels.items()
    assert named(objects, "Service", "mendel-serve")["spec"]["selector"].items() <= labels.items()
    assert budget["maxUnavailable"] == 1


def test_the_service_scales_by_its_load(render: Render) -> None:
    scaler = named(render("eks"), "HorizontalPodAutoscaler", "mendel-serve")["spec"]
    _, _, container = the_service(render("eks"))
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 8)
    assert scaler["scaleTargetRef"]["name"] == "mendel-serve"
    assert container["resources"]["requests"]["cpu"], "a share of nothing is no target"


def test_only_callers_reach_the_service_and_it_reaches_the_store_alone(render: Render) -> None:
    objects = render("local", SERVE)
    deployment, _, _ = the_service(objects)
    policy = named(objects, "NetworkPolicy", "mendel-serve")["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= (
        deployment["spec"]["template"]["metadata"]["labels"].items()
    )
    assert policy["ingress"] == [{"from": CALLERS, "ports": [{"port": 8080, "protocol": "TCP"}]}]
    (egress,) = policy["egress"]
    assert [each["port"] for each in egress["ports"]] == [7070]
    store = named(objects, "NetworkPolicy", "mendel-s3")["spec"]["ingress"]
    assert policy["podSelector"] in [peer["podSelector"] for rule in store for peer in rule["from"]]
    nobody = named(render("local", {"serve": {"enabled": True}}), "NetworkPolicy", "mendel-serve")["spec"]
    assert nobody["policyTypes"] == ["Egress"], "without callers there is no way in"


def test_the_service_is_given_hashes_and_its_callers_the_key(render: Render) -> None:
    objects = render("local", SERVE)
    secret = {name: base64.b64decode(value).decode() for name, value in secrets_of(objects)["mendel-serve"].items()}
    name, digest = secret["keys"].split()
    assert Keys({name: digest}).holder(secret["api-key"]) == "install"
    assert len(secret["api-key"]) >= 40
    _, pod, _ = the_service(objects)
    (mounted,) = [volume["secret"] for volume in pod["volumes"] if volume["name"] == "keys"]
    assert mounted["secretName"] == "mendel-serve"
    assert mounted["items"] == [{"key": "keys", "path": "keys"}]


def test_keys_of_ones_own_take_the_place_of_the_charts(render: Render) -> None:
    objects = render("local", {"serve": SERVE["serve"] | {"keysSecret": "callers"}})
    assert "mendel-serve" not in secrets_of(objects)
    _, pod, _ = the_service(objects)
    assert [volume["secret"]["secretName"] for volume in pod["volumes"] if volume["name"] == "keys"] == ["callers"]


def test_a_change_of_what_it_reads_restarts_the_service(render: Render) -> None:
    def annotations(over: dict[str, Any]) -> dict[str, str]:
        deployment, _, _ = the_service(render("local", merged(SERVE, over)))
        found: dict[str, str] = deployment["spec"]["template"]["metadata"]["annotations"]
        return found

    before = annotations({})
    assert annotations({"global": {"lake": "s3://other/lake"}})["checksum/config"] != before["checksum/config"]
    assert annotations({"secrets": {"seed": "x" * 32}})["checksum/keys"] != before["checksum/keys"]


def test_the_service_is_opened_under_a_name_with_tls(render: Render) -> None:
    ingress = named(render("eks"), "Ingress", "mendel-serve")["spec"]
    (rule,) = ingress["rules"]
    assert ingress["tls"] == [{"hosts": [rule["host"]], "secretName": "mendel-tls"}]
    assert {path["backend"]["service"]["name"] for path in rule["http"]["paths"]} == {"mendel-serve"}
    with pytest.raises(helm.HelmRenderError, match=r"serve\.ingress\.host"):
        render("local", {"serve": {"enabled": True, "ingress": {"enabled": True}}})


def opened(objects: list[dict[str, Any]], asked: str) -> bool:
    """Whether the Ingress passes a path on, as Kubernetes defines Exact and Prefix."""
    (rule,) = named(objects, "Ingress", "mendel-serve")["spec"]["rules"]
    return any(
        asked == path["path"]
        or (path["pathType"] == "Prefix" and f"{asked}/".startswith(path["path"].rstrip("/") + "/"))
        for path in rule["http"]["paths"]
    )


INSIDE = ["/metrics", "/healthz", "/readyz", "/metrics/", "/anything"]
PAGE = ["/", "/static/app.css", "/openapi.json"]


def test_the_outside_gets_the_page_and_the_api_and_neither_metrics_nor_probes(render: Render) -> None:
    for name, over, page in [("eks", {}, True), ("eks", {"serve": {"ingress": {"page": False}}}, False)]:
        objects = render(name, over)
        assert opened(objects, "/v1/restore"), over
        assert [opened(objects, path) for path in PAGE] == [page] * len(PAGE), over
        assert [path for path in INSIDE if opened(objects, path)] == [], over


def test_the_service_answers_under_its_names_and_those_of_its_ingress(render: Render) -> None:
    _, _, container = the_service(render("eks", {"serve": {"allowedHosts": ["Restore.example.org"]}}))
    settings = told(container)
    names = hosts.trusted(settings.host, settings.hosts)
    assert names is not None, "any name will do"
    for called in (
        "mendel-serve:8080",
        "mendel-serve.mendel:8080",
        "mendel-serve.mendel.svc.cluster.local:8080",
        "localhost:8080",
        "mendel.example.com",
        "restore.example.org",
    ):
        assert hosts.name(called) in names, f"{called} is not one of {sorted(names)}"
    assert hosts.name("evil.example") not in names
    with pytest.raises((helm.HelmRenderError, helm.HelmValuesError)):
        render("eks", {"serve": {"ingress": {"host": "*.example.com"}}})


def test_gpus_are_capped(objects: list[dict[str, Any]]) -> None:
    quota = named(objects, "ResourceQuota", "mendel")["spec"]["hard"]
    (limits,) = named(objects, "LimitRange", "mendel")["spec"]["limits"]
    assert int(quota["requests.nvidia.com/gpu"]) >= int(limits["max"]["nvidia.com/gpu"]) >= 1
    assert limits["default"]["nvidia.com/gpu"] == limits["defaultRequest"]["nvidia.com/gpu"] == "0", "else all get one"


def test_logs_outlive_their_pods(objects: list[dict[str, Any]]) -> None:
    config = named(objects, "ConfigMap", "mendel-airflow-config")["data"]["airflow.cfg"]
    assert "remote_logging = True" in config
    assert re.search(r"remote_base_log_folder = s3://\S+/logs", config)


@pytest.mark.parametrize("executor", ["LocalExecutor", "KubernetesExecutor"])
def test_whom_failures_are_told_is_known_to_airflow_alone(render: Render, executor: str) -> None:
    # Given every pod of the release, and those that the executor makes
    objects = render("local", {"airflow": {"executor": executor}, "serve": {"enabled": True}})
    found = pods(objects)
    if executor == "KubernetesExecutor":
        template = named(objects, "ConfigMap", "mendel-airflow-config")["data"]["pod_template_file.yaml"]
        found.append(("worker", yaml.safe_load(template)["spec"]))
    # Then the Secret, which need not be there, is in the environment of those that run DAGs' callbacks
    told = set()
    for name, spec in found:
        for container in containers(spec):
            for source in container.get("envFrom", []):
                if source.get("secretRef", {}).get("name") == "mendel-alerts":
                    assert source["secretRef"]["optional"] is True, name
                    told.add(name.rpartition("-")[2] if "worker" not in name else "worker")
    callbacks = {"scheduler", "processor"} | ({"worker"} if executor == "KubernetesExecutor" else set())
    assert callbacks <= told, f"{callbacks - told} cannot tell anybody"
    # and of no pod that is not Airflow's
    assert told <= {"scheduler", "processor", "triggerer", "server", "worker"}


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
        {"serve": {"replicas": 0}},
        {"serve": {"feedback": "yes"}},
        {"serve": {"ingress": {"hosts": ["x"]}}},
    ],
    ids=json.dumps,
)
def test_an_unknown_value_is_refused(render: Render, values: dict[str, Any]) -> None:
    with pytest.raises((helm.HelmRenderError, helm.HelmValuesError)):
        render("local", values)


def test_the_readme_lists_the_values() -> None:
    assert (CHART / "README.md").read_text() == readme(), "charts/mendel/README.md is not up to date: make chart"
