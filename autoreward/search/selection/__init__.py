"""Which attempts become parents: the best, the different ones, and those of one's own island."""
