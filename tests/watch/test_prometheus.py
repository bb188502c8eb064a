"""What docker compose gives to Prometheus, Alertmanager and Grafana: their tools take it, and Debian's servers run with it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from processes import free_port

from ..unit.lakehouse.writer import day, rows
from ..unit.serving.conftest import until
from .conftest import DASHBOARDS, REPO, checked, rules

SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((REPO / "docker-compose.yaml").read_text())["services"]
GUIDE = (REPO / "docs" / "how-to" / "watch.md").read_text()


def mounts(service: str) -> dict[str, Path]:
    """Folders and files of the repository that a container has, by their paths in it."""
    each = [mount.split(":") for mount in SERVICES[service]["volumes"]]
    return {target: REPO / source for source, target, *_ in each if source.startswith("./")}


def outside(service: str, path: str) -> Path:
    """The file of the repository that a container has at a path."""
    (found,) = [
        source / path[len(target) + 1 :] for target, source in mounts(service).items() if path.startswith(target)
    ]
    return found


def argument(service: str, name: str) -> str:
    (value,) = [each.partition("=")[2] for each in SERVICES[service]["command"] if each.startswith(f"{name}=")]
    return str(value)


def configuration(service: str) -> dict[str, Any]:
    """The configuration of a container, with the paths that its files have here."""
    path = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", argument(service, "--config.file"))
    text = outside(service, path).read_text()
    for target, source in mounts(service).items():
        text = text.replace(f"{target}/", f"{source}/") if source.is_dir() else text.replace(target, str(source))
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def written(path: Path, content: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(content))
    return path


def test_prometheus_takes_the_configuration(tmp_path: Path) -> None:
    checked("promtool", "prometheus", "check", "config", written(tmp_path / "p.yaml", configuration("prometheus")))


def test_alertmanager_takes_the_configuration_and_calls_nobody(tmp_path: Path) -> None:
    config = configuration("alertmanager")
    assert config["receivers"] == [{"name": config["route"]["receiver"]}]
    checked("amtool", "prometheus-alertmanager", "check-config", written(tmp_path / "a.yaml", config))


@pytest.mark.parametrize("name", ["webhook", "slack", "mail"])
def test_alertmanager_takes_the_receivers_of_the_guide(name: str, tmp_path: Path) -> None:
    # Given what the guide says: the receivers in the place of those that are there, and the name of one
    (block,) = [text for text in re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL) if "receivers:" in text]
    config = {**configuration("alertmanager"), **yaml.safe_load(block)}
    config["route"]["receiver"] = name
    # Then
    checked("amtool", "prometheus-alertmanager", "check-config", written(tmp_path / "a.yaml", config))


def test_alertmanagers_configuration_is_one_of_a_folder_whose_local_files_git_leaves_alone() -> None:
    folder = outside("alertmanager", "/etc/mendel/alertmanager.local.yaml").parent
    assert argument("alertmanager", "--config.file") == "/etc/mendel/${ALERTMANAGER_CONFIG:-alertmanager.yaml}"
    assert f"/{folder.relative_to(REPO)}/*.local.yaml" in (REPO / ".gitignore").read_text().splitlines()


def test_the_jobs_are_the_services_of_compose_by_the_names_that_the_rules_know() -> None:
    jobs = {job["job_name"]: job for job in configuration("prometheus")["scrape_configs"]}
    asked = {name for rule in rules("alert").values() for name in re.findall(r'job=~"([^"]+)"', rule["expr"])}
    assert asked
    assert all(re.fullmatch(pattern, job) for pattern in asked for job in jobs)
    targets = {job: jobs[job]["static_configs"][0]["targets"] for job in ("mendel-serve", "mendel-lake")}
    (serve,), (lake,) = targets["mendel-serve"], targets["mendel-lake"]
    service, port = serve.split(":")
    assert SERVICES[service]["ports"][0].rpartition(":")[2] == port
    service, port = lake.split(":")
    assert SERVICES[service]["command"][-2:] == ["--port", port]
    (files,) = [each["files"] for each in jobs["mendel-stream"]["file_sd_configs"]]
    assert [yaml.safe_load(Path(file).read_text()) for file in files] == [[]], "compose has no stream that is always on"


def test_grafana_is_given_prometheus_and_the_dashboards_of_the_chart() -> None:
    provisioning = {
        path.name: yaml.safe_load(path.read_text())
        for target, folder in mounts("grafana").items()
        if target.startswith("/etc/grafana/provisioning/")
        for path in folder.glob("*.yaml")
    }
    assert provisioning.keys() == {"prometheus.yaml", "mendel.yaml"}
    (source,) = provisioning["prometheus.yaml"]["datasources"]
    host, port = source["url"].removeprefix("http://").split(":")
    assert (source["type"], source["isDefault"]) == ("prometheus", True)
    assert SERVICES[host]["ports"][0].rpartition(":")[2] == port
    (provider,) = provisioning["mendel.yaml"]["providers"]
    assert mounts("grafana")[provider["options"]["path"]] == DASHBOARDS[0].parent


@contextmanager
def process(log: Path, *command: str) -> Iterator[None]:
    with log.open("wb") as output:
        started = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            yield
        finally:
            started.terminate()
            started.wait()


def answer(url: str) -> Any:
    """What an API says; None where nobody answers yet."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return json.load(response)
    except OSError:
        return None


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """The real Prometheus, Alertmanager and `mendel lake metrics`, with the configuration of compose.

    Changed are addresses and the time from one scrape to the next; a rule that always fires comes in addition.
    """
    if missing := [name for name in ("prometheus", "prometheus-alertmanager") if shutil.which(name) is None]:
        pytest.skip(f"not installed: apt-get install {' '.join(missing)}")
    lake = tmp_path / "lake"
    day(str(lake), "2026-11-23", rows("a"))
    pipeline = written(tmp_path / "pipeline.yaml", {"name": "watched", "lake": str(lake)})
    ports = {name: free_port() for name in ("prometheus", "alertmanager", "lake-metrics", "restorer")}
    text = yaml.safe_dump(configuration("prometheus"))
    for name, port in ports.items():
        text = re.sub(rf"\b{name}:\d+", f"127.0.0.1:{port}", text)
    config = yaml.safe_load(text)
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    always = {"name": "test", "rules": [{"alert": "Always", "expr": "vector(1)"}]}
    config["rule_files"].append(str(written(tmp_path / "always.yaml", {"groups": [always]})))
    addresses = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    with ExitStack() as running:
        for name, command in {
            "lake-metrics": [
                *[sys.executable, "-m", "mendel.cli", "lake", "metrics"],
                *["--config", str(pipeline), "--port", str(ports["lake-metrics"])],
            ],
            "alertmanager": [
                "prometheus-alertmanager",
                f"--config.file={written(tmp_path / 'alertmanager.yaml', configuration('alertmanager'))}",
                f"--storage.path={tmp_path / 'alertmanager'}",
                f"--web.listen-address={addresses['alertmanager']}",
                "--cluster.listen-address=",
            ],
            "prometheus": [
                "prometheus",
                f"--config.file={written(tmp_path / 'prometheus.yaml', config)}",
                f"--storage.tsdb.path={tmp_path / 'prometheus'}",
                f"--web.listen-address={addresses['prometheus']}",
            ],
        }.items():
            running.enter_context(process(tmp_path / f"{name}.log", *command))
        yield lambda path: answer(f"http://{addresses[path.partition('/')[0]]}/{path.partition('/')[2]}")


def test_a_lake_is_seen_and_an_alert_arrives(servers: Callable[[str], Any]) -> None:
    def up() -> dict[str, str]:
        found = servers("prometheus/api/v1/query?query=up")
        return {each["metric"]["job"]: each["value"][1] for each in found["data"]["result"]} if found else {}

    # Then Prometheus reaches the lake's metrics, and sees that the service is not there
    until(lambda: up() == {"mendel-lake": "1", "mendel-serve": "0"})
    seen = servers("prometheus/api/v1/query?query=mendel_lake_newest_rows")["data"]["result"]
    assert {each["metric"]["dataset"]: each["metric"]["job"] for each in seen} == {"restored": "mendel-lake"}
    # and it computes every rule without an error
    groups = servers("prometheus/api/v1/rules")["data"]["groups"]
    loaded = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
    assert rules("alert").keys() | rules("record").keys() | {"Always"} == loaded.keys()
    until(lambda: healths(servers("prometheus/api/v1/rules")) == {"ok"})
    # and what fires is at Alertmanager's
    until(lambda: "Always" in {alert["labels"]["alertname"] for alert in servers("alertmanager/api/v2/alerts") or []})


def healths(answered: Any) -> set[str]:
    return {rule["health"] for group in answered["data"]["groups"] for rule in group["rules"]}
