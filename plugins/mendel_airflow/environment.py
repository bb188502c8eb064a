"""What a stage beside the worker sees of Airflow's environment: names that are known to be for it, and no others.

Airflow's own hold the keys of its database, its tokens and its connections; a stage runs what a pipeline says.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from airflow.sdk.exceptions import AirflowFailException

MORE = "MENDEL_STAGE_ENV"
"""Names of variables that the deployment hands on besides, with commas between them."""

# fmt: off
NAMES = frozenset([
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TMP", "TEMP", "LD_LIBRARY_PATH",
    "NO_COLOR", "DO_NOT_TRACK", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONWARNINGS",
    "JAVA_HOME", "SPARK_HOME", "MPLCONFIGDIR", "SSH_AUTH_SOCK",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
])
PREFIXES = (
    "LC_", "XDG_", "CUDA_", "NVIDIA_",
    "MENDEL_", "MLFLOW_", "WANDB_", "OPENLINEAGE_", "DVC_", "GIT_", "GX_",
    "AWS_", "AZURE_", "GOOGLE_", "FSSPEC_",  # the lake's credentials
    "PYSPARK_", "SPARK_LOCAL_",
    "HF_", "TRANSFORMERS_", "TOKENIZERS_", "TORCH", "PYTORCH_", "OMP_", "MKL_", "OPENBLAS_", "NUMBA_",
)
# fmt: on

NEVER = ("AIRFLOW", "_AIRFLOW")


def of_stage(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The part of Airflow's environment that a stage gets."""
    more = {name.strip() for name in environment.get(MORE, "").split(",") if name.strip()}
    if refused := sorted(name for name in more if name.startswith(NEVER)):
        raise AirflowFailException(f"{MORE} names {', '.join(refused)}: no stage sees Airflow's own. Take it out")
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(NEVER) and (name in NAMES or name in more or name.startswith(PREFIXES))
    }
