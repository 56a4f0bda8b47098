"""Going down a loss: its value, gradient and curvature at any weights, and what a step does to the weights."""
