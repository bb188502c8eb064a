"""What readers thought of changes: accepted and rejected ones, as the service was told, ready to be learned from."""
