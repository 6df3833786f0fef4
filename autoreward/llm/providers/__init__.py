"""One file per provider, named as the prefix of its models; `registry` finds them."""
