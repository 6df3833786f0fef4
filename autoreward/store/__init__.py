"""A run's memory: one SQLite journal and a few files beside it, readable after any crash."""
