"""What every stage rests on: the lake, manifests, digests, the cache, the one way to run and commit a stage."""
