"""What the chart gives to Prometheus's operator and to Grafana: monitors find the pods that there are, by ports they have."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import typer
import yaml

from mendel.cli.main import app

from .conftest import CHART, Render, containers, helm, merged, named, of_kind
from .test_chart import CALLERS, KUBERNETES, SERVE, STREAM, check_restricted

OPERATOR = "monitoring.coreos.com/v1"
RULES = CHART / "files" / "rules.yaml"
MONITORS = ("ServiceMonitor", "PodMonitor")
PROMETHEUS = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
WATCH = {"watch": {"enabled": True, "labels": {"release": "stack"}, "interval": "1m", "scrapers": PROMETHEUS}}
ALL = merged(merged(SERVE, STREAM), WATCH)


def jobs(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Monitors by the name that they give to their job."""
    found = {}
    for monitor in of_kind(objects, *MONITORS):
        (relabeling,) = endpoint(monitor)["relabelings"]
        assert relabeling["targetLabel"] == "job", monitor["metadata"]["name"]
        found[relabeling["replacement"]] = monitor
    return found


def endpoint(monitor: dict[str, Any]) -> dict[str, Any]:
    spec = monitor["spec"]
    (only,) = spec["endpoints"] if monitor["kind"] == "ServiceMonitor" else spec["podMetricsEndpoints"]
    return dict(only)


def chosen(objects: list[dict[str, Any]], kind: str, labels: dict[str, str]) -> list[dict[str, Any]]:
    """Services by their labels, or pod templates of Deployments by theirs."""
    items = of_kind(objects, kind)
    if kind == "Deployment":
        items = [item["spec"]["template"] for item in items]
    return [item for item in items if labels.items() <= item["metadata"]["labels"].items()]


def scraped(objects: list[dict[str, Any]], monitor: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The pod template that a monitor leads to, and the number of its port, as the operator finds them."""
    port = endpoint(monitor)["port"]
    labels = monitor["spec"]["selector"]["matchLabels"]
    if monitor["kind"] == "ServiceMonitor":
        (service,) = chosen(objects, "Service", labels)
        (port,) = [each["targetPort"] for each in service["spec"]["ports"] if each["name"] == port]
        labels = service["spec"]["selector"]
    (template,) = chosen(objects, "Deployment", labels)
    ports = [each for container in containers(template["spec"]) for each in container["ports"]]
    (number,) = [each["containerPort"] for each in ports if each["name"] == port]
    return template, number


def test_nothing_of_it_is_rendered_unless_asked_for(objects: list[dict[str, Any]]) -> None:
    assert [item["kind"] for item in objects if item["apiVersion"] == OPERATOR] == []
    names = {item["metadata"]["name"] for item in objects}
    assert not names & {"mendel-lake-metrics", "mendel-dashboards"}


@pytest.mark.parametrize(
    ("job", "port"), [("mendel-serve", 8080), ("mendel-stream", 9108), ("mendel-lake", 9109)], ids=str
)
def test_a_monitor_leads_to_one_pod_template_and_a_port_that_it_has(render: Render, job: str, port: int) -> None:
    objects = render("local", ALL)
    monitor = jobs(objects)[job]
    template, number = scraped(objects, monitor)
    assert number == port
    assert template["spec"]["containers"][0]["name"] in (job.removeprefix("mendel-"), "lake-metrics")
    assert endpoint(monitor)["interval"] == "1m"


def test_the_jobs_have_the_names_that_the_rules_know(render: Render) -> None:
    found = jobs(render("local", ALL))
    assert found.keys() == {"mendel-serve", "mendel-stream", "mendel-lake"}
    asked = {
        name for text in re.findall(r'job=~"([^"]+)"', RULES.read_text()) for name in found if re.fullmatch(text, name)
    }
    assert asked == found.keys()


def test_what_is_off_is_not_scraped(render: Render) -> None:
    assert jobs(render("local", WATCH)).keys() == {"mendel-lake"}


def test_the_operator_finds_them_by_the_labels_that_it_looks_for(render: Render) -> None:
    for item in of_kind(render("local", ALL), *MONITORS, "PrometheusRule"):
        assert item["apiVersion"] == OPERATOR
        assert item["metadata"]["labels"]["release"] == "stack", item["metadata"]["name"]
        assert item["metadata"]["labels"]["app.kubernetes.io/instance"] == "mendel", item["metadata"]["name"]


def test_the_rules_are_those_of_the_file(render: Render) -> None:
    rule = named(render("local", ALL), "PrometheusRule", "mendel")
    assert rule["spec"] == yaml.safe_load(RULES.read_text())
    assert rule["spec"]["groups"]


def test_grafanas_sidecar_finds_the_dashboards(render: Render) -> None:
    config = named(render("local", ALL), "ConfigMap", "mendel-dashboards")
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"
    files = {path.name: json.loads(path.read_text()) for path in (CHART / "files" / "dashboards").glob("*.json")}
    assert len(files) == 2
    assert {name: json.loads(text) for name, text in config["data"].items()} == files


@pytest.mark.parametrize("name", ["local", "eks"])
def test_all_that_kubernetes_knows_is_valid_and_restricted(render: Render, name: str) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate")
    objects = render(name, ALL)
    for item in objects:
        if item["apiVersion"] != OPERATOR:
            kubernetes_validate.validate(item, KUBERNETES, strict=True)
    check_restricted("lake-metrics", lake_metrics(objects))


def lake_metrics(objects: list[dict[str, Any]]) -> dict[str, Any]:
    pod: dict[str, Any] = named(objects, "Deployment", "mendel-lake-metrics")["spec"]["template"]["spec"]
    return pod


def test_the_lakes_metrics_are_a_command_that_mendel_takes(render: Render) -> None:
    # Given the container's command
    (container,) = lake_metrics(render("local", ALL))["containers"]
    program, *arguments = container["args"]
    assert program == "mendel"
    # When mendel reads it
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[arguments.pop(0)]
    said = command.make_context("metrics", arguments).params
    # Then it listens for other pods, at the port that is declared, to the pipeline of the deployment
    assert (said["host"], said["port"]) == ("0.0.0.0", container["ports"][0]["containerPort"])
    assert said["config"] == "include/deployment/pipeline.yaml"


def test_the_lakes_metrics_have_an_account_and_may_have_a_key_of_their_own(render: Render) -> None:
    pod = lake_metrics(render("local", ALL))
    account = named(render("local", ALL), "ServiceAccount", pod["serviceAccountName"])
    assert (pod["automountServiceAccountToken"], account["automountServiceAccountToken"]) == (False, False)
    secrets = [each["secretRef"] for each in pod["containers"][0]["envFrom"] if "secretRef" in each]
    # of two Secrets that have a name, the later one counts
    assert [each["name"] for each in secrets] == ["mendel-stages", "mendel-stage-lake-metrics"]
    assert all(each["optional"] for each in secrets)
    role = named(render("eks", ALL), "ServiceAccount", "mendel-lake-metrics")["metadata"]["annotations"]
    assert role["eks.amazonaws.com/role-arn"].endswith("-watch")


@pytest.mark.parametrize(
    ("job", "policy", "others"),
    [
        ("mendel-serve", "mendel-serve", CALLERS),
        ("mendel-stream", "mendel-stream", STREAM["stream"]["scrapers"]),
        ("mendel-lake", "mendel-lake-metrics", []),
    ],
)
def test_prometheus_reaches_what_it_scrapes(render: Render, job: str, policy: str, others: list[Any]) -> None:
    objects = render("local", ALL)
    template, port = scraped(objects, jobs(objects)[job])
    spec = named(objects, "NetworkPolicy", policy)["spec"]
    assert spec["podSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert spec["ingress"] == [{"from": [*others, *PROMETHEUS], "ports": [{"port": port, "protocol": "TCP"}]}]


def test_the_lakes_metrics_reach_the_store_alone(render: Render) -> None:
    objects = render("local", ALL)
    policy = named(objects, "NetworkPolicy", "mendel-lake-metrics")["spec"]
    (egress,) = policy["egress"]
    assert [each["port"] for each in egress["ports"]] == [7070]
    store = named(objects, "NetworkPolicy", "mendel-s3")["spec"]["ingress"]
    assert policy["podSelector"] in [peer["podSelector"] for rule in store for peer in rule["from"]]


@pytest.mark.parametrize(
    "watch", [{"enable": True}, {"interval": "5m"}, {"interval": "30"}, {"labels": {"release": 1}}], ids=json.dumps
)
def test_a_value_that_cannot_work_is_refused(render: Render, watch: dict[str, Any]) -> None:
    with pytest.raises((helm.HelmRenderError, helm.HelmValuesError)):
        render("local", {"watch": watch})
