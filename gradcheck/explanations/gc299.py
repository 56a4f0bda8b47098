"""The gradient is wrong, and the cause is not known.

Every change that was tried leaves a part of the difference. The report says in what way the two differ: in which
part, at what angle, like noise. That is a description and no cause.

Given:

    def forward(x, w):
        return x @ w, (x, w)

Wrong:

    def backward(dout, cache):
        x, w = cache
        dw = x.T @ dout
        dw[0, 1] += 0.3 * dout[2, 0]
        dw[2, 0] -= 0.2 * dout[1, 1]
        return dout @ w.T, dw

Right:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)))

Why it happens: several faults at once, an index that is off in one place, stale numbers, or a mistake that nobody
thought of yet. Check smaller pieces: each function of the backward by itself, a batch of one, one time step.
"""
