"""Recorded layers do not hold together: what one gives is not what the next one takes.

Each recorded layer is judged with the upstream gradient that was recorded for it. Between two layers the same array is
recorded twice, as an output and as an input, and as a gradient and as an upstream gradient; where the two are not the
same, the fault lies between the layers and in neither.

Given:

    from gradcheck import check_recorded

    x, w, v, dout = (rng.normal(size=shape) for shape in ((5, 3), (3, 4), (4, 2), (5, 2)))
    h = x @ w
    dh = dout @ v.T
    second = {"second.h": h, "second.v": v, "second.dout": dout, "second.dh": dh, "second.dv": h.T @ dout}

Wrong:

    below = dh / 5

Right:

    below = dh

Check:

    first = {"first.x": x, "first.w": w, "first.out": h, "first.dout": below, "first.dw": x.T @ below}
    check_recorded({**first, **second}, {"first": lambda x, w: x @ w, "second": lambda h, v: h @ v})

Why it happens: the gradient is averaged, clipped, reshaped or cast between two layers; a layer in between was not
recorded; the arrays were written down in different steps.
"""
