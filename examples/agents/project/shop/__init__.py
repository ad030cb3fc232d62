"""A shop: what its articles cost."""
