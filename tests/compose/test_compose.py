"""docker-compose.yaml as it is written; no container is started."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import compose_env
import compose_store
import pytest
import yaml

from mendel.serving.keys import Keys
from mendel.serving.settings import Serve

REPO = Path(__file__).resolve().parents[2]
TEXT = (REPO / "docker-compose.yaml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
EXAMPLE = (REPO / ".env.example").read_text()
SECRET = re.compile(r"PASSWORD|SECRET|FERNET", re.IGNORECASE)


def variables(text: str) -> dict[str, str]:
    """What an .env file says."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def test_the_whole_stack_is_there() -> None:
    parts = {"api-server", "dag-processor", "init", "mlflow", "postgres", "restorer", "s3", "scheduler", "triggerer"}
    watch = {"alertmanager", "grafana", "lake-metrics", "prometheus"}
    assert SERVICES.keys() == parts | {"accounts"} | watch
    profiles = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}
    assert profiles == {name: ["watch"] for name in watch}, "without it the stack is as small as it was"


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_may_do_little(name: str) -> None:
    service = SERVICES[name]
    assert service["user"].split(":")[0] not in ("", "0", "root"), f"{name} runs as root"
    assert service["read_only"] is True, f"{name} may write to its root"
    assert service["cap_drop"] == ["ALL"], f"{name} has capabilities"
    assert service["security_opt"] == ["no-new-privileges:true"], f"{name} may gain privileges"
    assert not service.keys() & {"privileged", "cap_add", "network_mode", "pid"}, f"{name} asks for more"


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_pinned(name: str) -> None:
    tag = SERVICES[name]["image"].rsplit("/", 1)[-1].partition(":")[2]
    assert tag, f"{name}: {SERVICES[name]['image']} has no tag"
    assert tag != "latest", f"{name}: {SERVICES[name]['image']}"


def test_mendels_images_have_the_version_of_the_distribution() -> None:
    version = re.search(r'^version = "(.+)"', (REPO / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    own = {service["image"] for service in SERVICES.values() if service["image"].startswith("mendel-")}
    assert own == {f"mendel-{name}:{version[1]}" for name in ("mlflow", "serve", "stack")}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_healthy_or_over_before_another_needs_it(name: str) -> None:
    service = SERVICES[name]
    waited = {each["depends_on"][name]["condition"] for each in SERVICES.values() if name in each.get("depends_on", {})}
    if "healthcheck" in service:
        assert waited <= {"service_healthy"}, f"{name} is not waited for until it is healthy"
        assert service["restart"] == "unless-stopped", f"{name} does not come back"
    else:
        assert waited == {"service_completed_successfully"}, f"{name} has no healthcheck"
        assert service["restart"] == "no", f"{name} would run for ever"


def test_nothing_is_published_beyond_this_machine() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(published) == 7
    for port in published:
        assert port.startswith("127.0.0.1:"), port


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_takes_so_much_memory_and_no_more(name: str) -> None:
    limit = SERVICES[name]["mem_limit"]  # the one key that compose 1.29 and 2 both heed without a swarm
    assert re.fullmatch(r"\d+[mg]|\$\{\w+:-\d+g\}", limit), f"{name}: {limit}"


def test_each_client_of_the_store_has_a_key_of_its_own() -> None:
    env = {name: service.get("environment", {}) for name, service in SERVICES.items()}
    known = {
        name: (each["AWS_ACCESS_KEY_ID"], each["AWS_SECRET_ACCESS_KEY"])
        for name, each in env.items()
        if "AWS_ACCESS_KEY_ID" in each
    }
    owner = env["s3"]["ROOT_ACCESS_KEY"], env["s3"]["ROOT_SECRET_KEY"]
    assert known.pop("accounts") == owner, "it gives the others theirs"
    assert {name: access for name, (access, _) in known.items()} == {
        "scheduler": "stages",
        "mlflow": "mlflow",
        "restorer": "restorer",
        "lake-metrics": "watch",
        "api-server": "watch",
    }
    assert len({*known.values(), owner}) == 5, "no two are equal"
    for access, secret in known.values():
        assert env["accounts"][f"{access.upper()}_SECRET"] == secret
    assert {access for access, _ in known.values()} == compose_store.CLIENTS.keys()


def test_feedback_is_one_setting_for_the_service_and_its_rights_and_is_off() -> None:
    told = {name: SERVICES[name]["environment"]["FEEDBACK"] for name in ("restorer", "accounts")}
    assert told == dict.fromkeys(told, "${RESTORER_FEEDBACK:-false}")
    for said, kept in (("true", True), ("false", False)):
        assert compose_store.is_kept(said) is Serve.model_validate({"feedback": said}).feedback is kept
    with pytest.raises(SystemExit, match="RESTORER_FEEDBACK=yes: write true or false"):
        compose_store.is_kept("yes")


def test_who_needs_the_store_waits_for_its_account() -> None:
    for name in ("scheduler", "mlflow", "restorer", "lake-metrics"):
        assert "accounts" in SERVICES[name]["depends_on"], name


def test_no_secret_has_a_default() -> None:
    used = re.findall(r"\$\{(\w+)([^}]*)\}", TEXT)
    secrets = {name for name, _ in used if SECRET.search(name) or name.endswith("_KEY")}
    assert len(secrets) >= 6
    for name, otherwise in used:
        assert otherwise.startswith(":?" if name in secrets else ":-"), f"{name} without a value: {otherwise!r}"
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable):
                assert re.search(r"\$\{\w+:\?", value), f"{name}: {variable} is written down"


def test_the_example_has_every_variable_and_no_secret() -> None:
    example = variables(EXAMPLE)
    used = dict(re.findall(r"\$\{(\w+):(\?|-[^}]*)", TEXT))
    assert example == {name: "" if otherwise == "?" else otherwise[1:] for name, otherwise in used.items()}


def test_each_env_has_secrets_of_its_own() -> None:
    first, second = (variables(compose_env.filled(EXAMPLE)) for _ in range(2))
    empty = [name for name, value in variables(EXAMPLE).items() if not value]
    made = [found[name] for found in (first, second) for name in empty]
    assert len(made) == 24
    assert len(set(made)) == len(made), "no two are equal"
    assert min(map(len, made)) >= 44
    assert {name: first[name] for name in first.keys() - empty} == {
        name: second[name] for name in second.keys() - empty
    }


def test_an_env_is_its_owners_alone_and_is_not_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compose_env, "ENV", tmp_path / ".env")
    compose_env.main()
    written = (tmp_path / ".env").read_text()
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    with pytest.raises(SystemExit, match="remove it first"):
        compose_env.main()
    assert (tmp_path / ".env").read_text() == written


def test_volumes_are_named_and_what_is_mounted_from_here_exists() -> None:
    mounts = [mount.split(":") for service in SERVICES.values() for mount in service.get("volumes", [])]
    here = {source for source, *_ in mounts if source.startswith(".")}
    assert {source for source, *_ in mounts} - here == yaml.safe_load(TEXT)["volumes"].keys()
    for source, _, mode in (mount for mount in mounts if mount[0] in here):
        assert (REPO / source).exists(), source
        assert mode == "ro", source


def test_the_stages_find_the_pipeline_and_the_data_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    from mendel.pipeline import load_section

    scheduler = SERVICES["scheduler"]
    monkeypatch.setenv("MENDEL_LAKE", scheduler["environment"]["MENDEL_LAKE"])
    mounted = [mount.split(":")[1] for mount in scheduler["volumes"]]
    for name in ("compose", "compose-smoke"):
        root, version = load_section(str(REPO / f"include/pipelines/{name}.yaml"), "version", reach=False)
        assert root == "s3://mendel/lake"
        assert any(version.git.startswith(folder) for folder in mounted), f"{name}: {version}"
        assert version.remote_options["endpointurl"] == scheduler["environment"]["AWS_ENDPOINT_URL"]


def test_the_restorer_is_told_the_hash_of_the_key_in_env() -> None:
    service = SERVICES["restorer"]
    line, serve = service["command"][2].replace("$$", "$").strip().splitlines()
    done = subprocess.run(
        ["bash", "-euc", line.removesuffix("> /tmp/keys")], env={"API_KEY": "k"}, capture_output=True, text=True
    )
    (holder, digest) = done.stdout.split()
    assert Keys({holder: digest}).holder("k") == "compose", done.stderr
    words = shlex.split(serve)
    said = dict(word.split("=") for flag, word in pairwise(words) if flag == "--set")
    assert said.pop("hosts") == "[$HOSTS]"
    assert said.pop("feedback") == "$FEEDBACK"
    settings = Serve.model_validate(said)
    assert (settings.host, settings.keys_file) == ("0.0.0.0", "/tmp/keys")
    names = service["environment"]["HOSTS"].removeprefix("${RESTORER_HOSTS:-").removesuffix("}")
    assert names.split(",") == ["localhost", "127.0.0.1", "restorer"], (
        "the ports of this machine, and the network's name"
    )
    assert f"RESTORER_HOSTS={names}\n" in EXAMPLE, "what one would add to"
    assert service["ports"] == [f"127.0.0.1:${{RESTORER_PORT:-8090}}:{settings.port}"]
    assert int(service["stop_grace_period"].removesuffix("s")) > settings.drain_seconds + settings.answer_seconds


@pytest.mark.parametrize("program", [["docker", "compose"], ["docker-compose"]], ids=" ".join)
def test_compose_takes_the_file(program: list[str], tmp_path: Path) -> None:
    if not works(program):
        pytest.skip(f"`{' '.join(program)}` is not installed")
    (tmp_path / ".env").write_text(compose_env.filled(EXAMPLE))
    command = [*program, "--env-file", str(tmp_path / ".env"), "--file", str(REPO / "docker-compose.yaml")]
    done = subprocess.run([*command, "--profile", "watch", "config"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert set(yaml.safe_load(done.stdout)["services"]) == SERVICES.keys()


def works(program: list[str]) -> bool:
    if shutil.which(program[0]) is None:
        return False
    return subprocess.run([*program, "version"], capture_output=True).returncode == 0


def test_whom_failures_are_told_is_known_to_airflow_alone_and_is_nobody_by_default() -> None:
    told = {
        name: service["environment"]["AIRFLOW_CONN_MENDEL_ALERTS"]
        for name, service in SERVICES.items()
        if "AIRFLOW_CONN_MENDEL_ALERTS" in service.get("environment", {})
    }
    assert told.keys() == {"api-server", "dag-processor", "init", "scheduler", "triggerer"}
    assert set(told.values()) == {"${ALERTS_CONNECTION:-none://}"}
