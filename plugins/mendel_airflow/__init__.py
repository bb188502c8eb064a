"""What Airflow needs to run Mendel: the stage factory, the light tasks around stages, policies and links."""
