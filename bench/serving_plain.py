"""What one writes first: an endpoint that calls the model, on FastAPI's threads. RESTORER is a candidate's folder."""

import os

from fastapi import FastAPI
from pydantic import BaseModel

from mendel.restorers.restorer import Restoration, Restorer

app = FastAPI()
restorer = Restorer.load(os.environ["RESTORER"])
restorer.restore(["A sentence thta compiles waht has to be."])


class Request(BaseModel):
    text: str


@app.post("/restore")
def restore(request: Request) -> Restoration:
    return restorer.restore([request.text])[0]
