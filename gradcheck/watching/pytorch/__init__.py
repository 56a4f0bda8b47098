"""Watching a training in PyTorch: modules, optimizers and the calls between them."""
