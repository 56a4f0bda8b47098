"""The gradient is computed at a lower precision than its array has.

It is right but for its digits: numbers are rounded to float16, bfloat16 or float32 on the way, or were so in what the
forward kept for the backward.

Given:

    def forward(x, w):
        return x @ w, (x, w)

Wrong:

    def backward(dout, cache):
        x, w = cache
        dout = dout.astype(np.float16)
        return (dout @ w.T).astype(x.dtype), (x.T @ dout).astype(w.dtype)

Right:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)))

Why it happens: a buffer made with a dtype of its own, a cast that saves memory, autocast around a custom backward. It
is an error where the gradient is off by more than rounding in the array's own precision would put it, and a warning
where a check still passes (float32 on the way in float64). It is known by what rounding does and no formula: twice the
upstream gradient gives twice the gradient to the last bit, 1.2345 times the upstream gradient does not.
"""
