"""Sandbox backends, one file each; `registry.py` finds them."""
