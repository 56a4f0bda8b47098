"""Values that hide mistakes: right and wrong coincide at them, and nothing else could be tried.

A matrix that is its own transpose hides a transposition, ones hide a factor, zeros hide what depends on them, an
upstream gradient that is the same everywhere hides sums over the wrong axis. A gradient that is zero here (dead units,
one class, one key) hides every factor in it; indices that all differ hide that dW[ids] = dout does not add up; a side
of np.where, np.clip or np.maximum that no entry takes, a class that never occurs, a factor of exactly 1 and a
term of strength 0 (given, or left at its default) hide what belongs to them. Where there is a backward to call, it is
called at other values too, and nothing is said unless it is wrong there.

Given:

    def forward(x, w):
        return x @ w

    x, dout = rng.normal(size=(6, 4)), rng.normal(size=(6, 4))

Wrong:

    w = np.eye(4)

Right:

    w = rng.normal(size=(4, 4))

Check:

    check_layer(forward, x, w, gradients={"x": dout @ w.T, "w": x.T @ dout}, upstream=dout)

Why it happens: the gradients were taken right after initialisation, where scales are one and biases zero, or with a
loss that sums its input, so that its gradient is all ones.
"""
