"""Batched simulation behind one protocol: MuJoCo threads and closed-form dynamics."""
