from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.statistics.posterior import POINTS, beta_points, credible, gamma_points, in_lattice

SHARES = (np.arange(POINTS) + 0.5) / POINTS
INNER = slice(20, -20)  # what intervals are read off is the 25th


@given(st.floats(0.3, 2000), st.floats(0.3, 2000))
def test_points_are_the_quantiles_of_a_beta_distribution(a: float, b: float) -> None:
    found = np.array(beta_points(a, b))
    assert scipy.stats.beta.cdf(found[INNER], a, b) == pytest.approx(SHARES[INNER], abs=0.002)
    assert found.tolist() == sorted(found.tolist())
    assert 0 <= found[0] <= found[-1] <= 1


@given(st.floats(0.25, 2000))
def test_points_are_the_quantiles_of_a_gamma_distribution(shape: float) -> None:
    found = np.array(gamma_points(shape))
    assert scipy.stats.gamma.cdf(found[INNER], shape) == pytest.approx(SHARES[INNER], abs=0.002)


@pytest.mark.parametrize("dimensions", [1, 2, 3, 8, 40])
def test_the_lattice_takes_each_quantile_of_each_share_once(dimensions: int) -> None:
    columns = list(zip(*in_lattice([range(POINTS)] * dimensions), strict=True))
    assert len(columns) == dimensions
    assert len(set(columns)) == dimensions
    for column in columns:
        assert sorted(column) == list(range(POINTS))


@pytest.mark.parametrize(
    ("right", "missed", "passed"),
    [((20, 20), (0, 20), (200, 400)), ((18, 20), (3, 20), (300, 400)), ((9, 10), (1, 10), (380, 400))],
)
def test_intervals_are_those_of_random_draws(
    right: tuple[int, int], missed: tuple[int, int], passed: tuple[int, int]
) -> None:
    """Each counted of so many; what lies outside of the interval is 2.5 % of the draws on either side."""
    shapes = [(count + 1 / 3, total - count + 1 / 3) for count, total in (right, missed, passed)]
    drawn = [np.random.default_rng(seed).beta(*shape, 100_000) for seed, shape in enumerate(shapes)]
    figures: tuple[Callable[..., Any], ...] = (
        lambda a, b, w: w * a + (1 - w) * b,
        lambda a, b, w: w * a / (w * a + (1 - w) * b),
        lambda a, b, w: (1 - w) * (1 - b) / ((1 - w) * (1 - b) + w * (1 - a)),
    )
    for figure in figures:
        values = figure(*drawn)
        found = credible(
            float(np.median(values)), (figure(*point) for point in in_lattice([beta_points(*each) for each in shapes]))
        )
        assert np.mean(values < found.low) == pytest.approx(0.025, abs=0.006)
        assert np.mean(values > found.high) == pytest.approx(0.025, abs=0.006)


def test_an_interval_holds_what_was_found_and_leaves_out_what_has_no_meaning() -> None:
    values: list[float | None] = [float(number) for number in range(1, 101)]
    found = credible(50, values)
    assert (found.low, found.high) == (3.0, 98.0)  # numpy's quantiles by the method "hazen"
    assert (found.low, found.high) == tuple(np.quantile(np.arange(1, 101), [0.025, 0.975], method="hazen"))
    assert credible(120, [None, *values]).high == 120
    assert credible(0, values).low == 0
    assert credible(7, [None, 7.0]).low == 7
    only = credible(7, [None])
    assert (only.low, only.high) == (7, 7)
