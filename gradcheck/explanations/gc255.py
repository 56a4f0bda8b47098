"""A row and a column were broadcast to a square: (N,) with (N, 1) makes N × N numbers of N.

Given:

    def backward(dout, cache):
        x, y, t = cache
        return dout * x.T @ (y - t.ravel())

Wrong:

    def forward(w, x, t):
        y = x @ w
        return 0.5 * np.sum((y - t) ** 2), (x, y, t)

Right:

    def forward(w, x, t):
        y = x @ w
        return 0.5 * np.sum((y - t[:, 0]) ** 2), (x, y, t)

Check:

    check_layer(forward, backward, rng.normal(size=3), rng.normal(size=(5, 3)), rng.normal(size=(5, 1)),
                constants=["x", "t"])

Why it happens: labels come as a column, predictions as a flat array, and NumPy pairs each with each. The loss is a
number all the same. Also p[range(N), y] with y of shape (N, 1).
"""
