"""What is in force and why: the ledger of decisions, its seals, and MLflow's registry, which follows it."""
