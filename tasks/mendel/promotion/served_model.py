"""The registered model as MLflow runs it: loads the restorer from the lake, which is the store of weights.

MLflow keeps this file, not a pickled object (models from code): https://mlflow.org/docs/latest/ml/model/models-from-code/
"""

from __future__ import annotations

import os
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from mendel import Restorer  # the public name: MLflow keeps this file, and later releases move modules


class ServedRestorer(PythonModel):
    """A data frame with the column `text` in; `text` and `confidence` (0 to 1) out, in the same order."""

    def load_context(self, context: Any) -> None:
        """Find the lake where MENDEL_LAKE says, else where it was when the model was registered."""
        root = os.environ.get("MENDEL_LAKE") or context.model_config["lake"]
        self.restorer = Restorer.load(f"{root.rstrip('/')}/{context.model_config['restorer']}")

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        restorations = self.restorer.restore(model_input["text"].tolist())
        return pd.DataFrame(
            {
                "text": [restoration.text for restoration in restorations],
                "confidence": [restoration.confidence for restoration in restorations],
            },
            index=model_input.index,
        )


set_model(ServedRestorer())
