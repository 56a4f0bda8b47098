"""What one training step did to the weights, beside -lr·g: how far off, and why."""
