"""Watching a training in NumPy: arrays followed through the code that uses them."""
