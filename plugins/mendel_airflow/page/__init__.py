"""A page of Airflow's UI: the restorer in force, what was decided, how its days went, and the DAGs to start from there."""
