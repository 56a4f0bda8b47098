"""A gradient rounded to fewer digits."""

import numpy as np
import pytest
from planted_arrays import cause, causes, report

from gradcheck.yardstick import rounded

ROUNDED = {
    "the nearest integers": np.rint,
    "integers, towards zero": np.trunc,
    "integers, downwards": np.floor,
    "1 decimal": lambda dw: np.round(dw, 1),
    "3 decimals": lambda dw: np.round(dw, 3),
    "bfloat16": lambda dw: rounded(dw, "bfloat16"),
    "float16": lambda dw: dw.astype(np.float16).astype(float),
}


@pytest.mark.parametrize("says", ROUNDED)
def test_the_rounding_is_named(says):
    finding = cause(lambda dw, dout, x, w: ROUNDED[says](3 * dw / 3))
    assert (finding.code, finding.title) == ("GC211", f"dw is the true gradient rounded to {says}")
    assert finding.help[0].startswith("keep the precision of the array: no ")


def test_float16_inside_the_backward_is_not_the_gradient_rounded():
    found = report(lambda dw, dout, x, w: (x.T.astype(np.float16) @ dout.astype(np.float16)).astype(float))
    assert not causes(found)
    assert "dw is computed in float16 on the way, of lower precision than float64" in [f.title for f in found.findings]
