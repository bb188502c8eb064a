"""Mendel's entry in Airflow's plugin manager: links, views and a page. Operators need no entry, DAGs import them."""

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from mendel_airflow.links import DataDocsLink, external_views


async def page(scope: Any, receive: Any, send: Any) -> None:
    """The page's API. Plugins are loaded by every process of Airflow's, and only one of them serves."""
    from mendel_airflow.page.api import app

    await app(scope, receive, send)


class MendelPlugin(AirflowPlugin):
    name = "mendel"
    external_views = external_views()
    operator_extra_links = [DataDocsLink()]  # noqa: RUF012 (Airflow's own way)
    fastapi_apps = [{"name": "mendel", "app": page, "url_prefix": "/mendel"}]  # noqa: RUF012
    react_apps = [  # noqa: RUF012
        {
            "name": "Restorer",
            "bundle_url": "mendel/static/restorer.js",
            "destination": "nav",
            "url_route": "restorer",
            "nav_top_level": True,
        }
    ]
