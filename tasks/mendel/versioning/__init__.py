"""Dataset versions in a data registry: a Git repository that names them, a DVC remote that holds their bytes."""
