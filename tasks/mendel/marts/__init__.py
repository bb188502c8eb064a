"""Marts: figures about models, batches and feedback, which dbt makes of the lake's tables. The project is in project/."""
