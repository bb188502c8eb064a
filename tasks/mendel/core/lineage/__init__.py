"""What OpenLineage's tools are told of stages, where the deployment configures its client."""
