"""What the page asks: mounted by Airflow's API server, for users who may see its assets. Loaded with the first request.

DAGs are not started here: the page asks Airflow's own API for that, as the user who has opened it.
"""

from __future__ import annotations

import os
from pathlib import Path

from airflow.api_fastapi.core_api.security import requires_access_asset
from fastapi import Depends, FastAPI, HTTPException
from fastapi.staticfiles import StaticFiles

from mendel.core import lake
from mendel.core.errors import InputError
from mendel.core.frozen import Frozen
from mendel_airflow.page import state
from mendel_airflow.page.actions import Action, actions
from mendel_airflow.page.state import PageState


class Answer(Frozen):
    state: PageState
    actions: tuple[Action, ...]


may_see = requires_access_asset(method="GET")
app = FastAPI(openapi_url=None)
app.mount("/static", StaticFiles(directory=Path(__file__).with_name("static")))


@app.get("/state", dependencies=[Depends(may_see)])
def read() -> Answer:
    """The page's content."""
    root = os.environ.get("MENDEL_LAKE")
    if not root:
        raise HTTPException(503, "MENDEL_LAKE is not set: give Airflow's API server the URI of the lake.")
    try:
        lake.reach(root)
        return Answer(state=state.read(root), actions=tuple(actions()))
    except InputError as error:
        raise HTTPException(503, str(error)) from error
