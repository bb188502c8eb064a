# Airflow with Mendel's DAGs: providers, dags/, plugins/, include/, and of Mendel itself what reads manifests.
# The stages' images are docker/tasks.Dockerfile's. Pin the base by digest where builds must be repeatable:
# --build-arg AIRFLOW_IMAGE=apache/airflow@sha256:…
ARG AIRFLOW_IMAGE=apache/airflow:3.3.2-python3.11

FROM ${AIRFLOW_IMAGE} AS wheel
WORKDIR /tmp/build
COPY pyproject.toml README.md LICENSE ./
COPY tasks/mendel tasks/mendel
RUN pip wheel --quiet --no-deps --wheel-dir /tmp/wheel .

FROM ${AIRFLOW_IMAGE} AS sbom
COPY requirements/sbom.txt /tmp/
RUN python -m venv /tmp/sbom && /tmp/sbom/bin/pip install --quiet --no-cache-dir --require-hashes --requirement /tmp/sbom.txt

FROM ${AIRFLOW_IMAGE}
COPY requirements/airflow.txt /tmp/
RUN pip install --no-cache-dir --no-deps --require-hashes --requirement /tmp/airflow.txt
RUN --mount=type=bind,from=wheel,source=/tmp/wheel,target=/tmp/wheel pip install --no-cache-dir --no-deps /tmp/wheel/*.whl
RUN --mount=type=bind,from=sbom,source=/tmp/sbom,target=/tmp/sbom \
    /tmp/sbom/bin/cyclonedx-py environment --output-file /opt/airflow/sbom.cdx.json "$(command -v python)"
COPY plugins /opt/airflow/plugins
COPY include /opt/airflow/include
COPY dags /opt/airflow/dags
ENV AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False MENDEL_PODS=/opt/airflow/include/pods \
    PYTHONDONTWRITEBYTECODE=1
ARG VERSION=0.2.0
ARG REVISION=unknown
ENV MENDEL_REVISION=${REVISION}
LABEL org.opencontainers.image.title=mendel-airflow \
      org.opencontainers.image.description="Airflow with Mendel's DAGs" \
      org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.vendor=Mendel \
      org.opencontainers.image.version=${VERSION} \
      org.opencontainers.image.revision=${REVISION}
