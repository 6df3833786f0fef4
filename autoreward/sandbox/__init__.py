"""The jail: reward code runs here, one process per reward; states in, component values out."""
