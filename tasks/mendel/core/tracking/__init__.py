"""Where runs are recorded: MLflow always, since its registry names them; Weights & Biases too where it is asked for."""
