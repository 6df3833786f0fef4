"""The machine critic's second look: a reward is tried in its jail, and what it pays is judged."""
