"""requirements/: what is installed is what was locked, file by file."""

from __future__ import annotations

import re
from pathlib import Path

import lock
import pytest

REPO = Path(__file__).resolve().parents[3]
FOLDER = REPO / "requirements"
INSTALLERS = [
    REPO / "docker" / "airflow.Dockerfile",
    REPO / "docker" / "tasks.Dockerfile",
    REPO / "scripts" / "setup.py",
]
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
INSTALL = re.compile(r"pip install (?:[^&\n]|\\\n)*?(?:-r|--requirement) (\S+)")


def entries(text: str) -> dict[str, str]:
    """A lock's packages, `name==version`, and all that is said of each."""
    found = re.findall(r"^([\w.-]+==[^ \n]+)(.*\n(?:[ \t].*\n)*)", text, re.MULTILINE)
    return dict(found)


def test_there_is_a_lock_of_everything_but_torch() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == {*lock.LOCKS, "torch"}
    assert "hash" in (FOLDER / "torch.txt").read_text(), "it says why it has none"


@pytest.mark.parametrize("name", lock.LOCKS)
def test_every_package_has_a_version_and_hashes(name: str) -> None:
    text = (FOLDER / f"{name}.txt").read_text()
    found = entries(text)
    assert found
    assert len(found) == len([line for line in text.splitlines() if re.match(r"[^\s#]", line)]), "nothing else is in it"
    assert [package for package, rest in found.items() if not HASH.search(rest)] == [], "without a hash"
    assert "torch" not in {package.split("==")[0] for package in found}
    assert not re.search(r"^-|://", text, re.MULTILINE), "a lock names no index"


@pytest.mark.parametrize("name", ["tasks", "gpu", "serve", "mlflow", "airflow"])
def test_images_hold_what_the_tests_ran_with(name: str) -> None:
    tested, image = (
        dict(each.split("==") for each in entries((FOLDER / f"{n}.txt").read_text())) for n in ("dev", name)
    )
    shared = tested.keys() & image.keys()
    assert len(shared) > 20
    assert {each: image[each] for each in shared} == {each: tested[each] for each in shared}


def test_torch_is_the_distributions() -> None:
    (pinned,) = re.findall(r'"(torch==[^"]+)"', (REPO / "pyproject.toml").read_text())
    assert pinned in (FOLDER / "torch.txt").read_text().splitlines()


@pytest.mark.parametrize("path", INSTALLERS[:2], ids=lambda path: str(path.relative_to(REPO)))
def test_an_image_installs_a_lock_by_its_hashes(path: Path) -> None:
    installs = {found[1]: found[0] for found in INSTALL.finditer(path.read_text())}
    assert installs
    for file, command in installs.items():
        assert ("--require-hashes" in command) != file.endswith("torch.txt"), f"{file}: {command}"


@pytest.mark.parametrize("path", INSTALLERS[:2], ids=lambda path: str(path.relative_to(REPO)))
def test_a_base_is_an_argument_that_can_be_a_digest(path: Path) -> None:
    text = path.read_text()
    stages = set(re.findall(r" AS (\w[\w-]*)", text))
    bases = {base for base in re.findall(r"^FROM (\S+)", text, re.MULTILINE) if base not in stages}
    assert bases
    for base in bases:
        name = re.fullmatch(r"\$\{(\w+)\}", base)
        assert name, f"{base} is written down"
        assert re.search(rf"^ARG {name[1]}=\S+:\S+$", text, re.MULTILINE), f"{name[1]} has no tag by default"


@pytest.mark.parametrize("path", INSTALLERS[:2], ids=lambda path: str(path.relative_to(REPO)))
def test_an_image_lists_its_parts(path: Path) -> None:
    text = path.read_text()
    environments = len(
        re.findall(r"-r (?:tasks|gpu|serve|mlflow|airflow|marts)\.txt|--requirement /tmp/airflow\.txt", text)
    )
    assert environments > 0
    assert len(re.findall(r"cyclonedx-py environment --output-file \S+/sbom\.cdx\.json", text)) == environments


def test_what_is_left_out_is_left_out_whole() -> None:
    kept = "a==1 \\\n    --hash=x\n    # via b\n", "torchx==3 \\\n    --hash=z\n"
    text = f"{kept[0]}torch==2 \\\n    --hash=y\n    # via a\n{kept[1]}nvidia-a==1\n"
    assert lock.without(text, f"torch|{lock.CUDA}") == "".join(kept)
