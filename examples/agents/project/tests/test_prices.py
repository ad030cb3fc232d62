from shop.prices import total


def test_the_sum_of_all():
    assert total([1000, 500]) == 1500


def test_a_discount_is_in_percent():
    assert total([1000, 500], discount=10) == 1350


def test_cents_are_whole():
    assert total([333], discount=10) == 300
