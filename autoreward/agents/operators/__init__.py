"""The ways in which a language model's proposal comes from its parents, one file each."""
