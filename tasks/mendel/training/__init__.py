"""Fine-tuning: the loop, its checkpoints, several processes."""
