"""Rewards: the reward file, its rules, the formula language, and the code that runs them."""
