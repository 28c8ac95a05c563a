"""Stepping through what the engine computes: a function, or any step of a training run."""
