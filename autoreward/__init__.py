"""Autoreward: a task in words and an environment in, a reward function with proof out."""

__version__ = "0.1.0"
