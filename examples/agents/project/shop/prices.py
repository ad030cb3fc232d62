"""Prices, in cents."""


def total(prices, discount=0):
    """The sum of prices, less a discount in percent, in whole cents."""
    return sum(prices) - discount
