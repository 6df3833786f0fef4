"""Batched simulation behind one protocol: MuJoCo threads, MuJoCo Warp, closed-form dynamics."""
