"""The backward is right in some configurations and wrong in others.

The title says what the wrong ones have in common and no right one has: a stride above 1, a height that is not the
width, an index that comes twice. A backward that raises where the forward ran counts as wrong. What follows are the
faults of those, with their causes.

Given:

    def forward(x, w, stride=1):
        return (x @ w)[::stride], (x, w, stride)

Wrong:

    def backward(dout, cache):
        x, w, stride = cache
        n = len(dout)
        dx = np.zeros_like(x)
        dx[:n] = dout @ w.T
        return dx, x[:n].T @ dout

Right:

    def backward(dout, cache):
        x, w, stride = cache
        dx = np.zeros_like(x)
        dx[::stride] = dout @ w.T
        return dx, x[::stride].T @ dout

Check:

    x, w = rng.normal(size=(6, 3)), rng.normal(size=(3, 2))
    check_layer(forward, backward, x, w, kwargs={"stride": 1}, sweep={"stride": [1, 2, 3]})

Why it happens: a backward is written and tried with the configuration at hand, where two sizes are equal, a step is 1,
nothing overlaps and nothing repeats; an index that is wrong in general is right there.
"""
