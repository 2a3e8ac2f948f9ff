"""The exponential integral and the splines against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special
from scipy.interpolate import make_interp_spline

from gis.heat.g_functions import load_table
from gis.heat.line_source import exp1
from gis.heat.spline import Spline


def test_the_exponential_integral_is_that_of_scipy():
    x = np.r_[np.geomspace(1e-300, 700.0, 20_001), 1.0, np.nextafter(1.0, 2.0)]
    np.testing.assert_allclose(exp1(x), special.exp1(x), rtol=1e-14)


def test_the_exponential_integral_keeps_the_shape_and_has_no_answer_below_nil():
    assert exp1(np.array([[0.0, np.inf], [np.nan, -1.0]])).tolist() == [
        [np.inf, 0.0],
        [pytest.approx(np.nan, nan_ok=True), pytest.approx(np.nan, nan_ok=True)],
    ]
    assert exp1(1.0).shape == ()
    assert exp1(np.empty(0)).shape == (0,)


@pytest.mark.parametrize("axis", ["count", "spacing_m", "depth_m", "diffusion_m2"])
def test_splines_are_those_of_scipy(axis: str):
    nodes = np.log(getattr(load_table(), axis))
    x = np.r_[np.linspace(nodes[0] - 0.01, nodes[-1] + 0.01, 1000), nodes]
    weights = Spline(nodes).weights(x)
    np.testing.assert_allclose(weights, make_interp_spline(nodes, np.eye(len(nodes)))(x), atol=1e-14)
    assert (weights[1000:] == np.eye(len(nodes))).all()
