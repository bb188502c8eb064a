"""Mendel's entry in Airflow's plugin manager: links and views. Operators need no entry, DAGs import them."""

from airflow.plugins_manager import AirflowPlugin

from mendel_airflow.links import DataDocsLink, external_views


class MendelPlugin(AirflowPlugin):
    name = "mendel"
    external_views = external_views()
    operator_extra_links = [DataDocsLink()]  # noqa: RUF012 (Airflow's own way)
