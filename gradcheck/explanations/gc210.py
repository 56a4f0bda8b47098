"""A multiple of the parameter itself is too much in the gradient, or too little: weight decay.

Given:

    DECAY = 0.1

    def forward(x, w, t):
        y = x @ w
        return 0.5 * np.sum((y - t) ** 2), (x, w, y, t)

Wrong:

    def backward(dout, cache):
        x, w, y, t = cache
        delta = dout * (y - t)
        return delta @ w.T, x.T @ delta + dout * DECAY * w

Right:

    def backward(dout, cache):
        x, w, y, t = cache
        delta = dout * (y - t)
        return delta @ w.T, x.T @ delta

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)), rng.normal(size=(5, 2)),
                constants=["t"])

Why it happens: the penalty stands in the gradient and not in the loss (or the reverse), with λ in the one and 2 λ in
the other, or divided by the batch size in one of them. If decay is meant and the loss leaves it out on purpose,
accept it: allow={"dw": "GC210"}.
"""
