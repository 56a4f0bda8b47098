"""The gradient is right but for one part: a row, a column, the border.

Given:

    def forward(x, w):
        return x @ w, (x, w)

Wrong:

    def backward(dout, cache):
        x, w = cache
        dw = np.zeros_like(w)
        for j in range(w.shape[1] - 1):
            dw[:, j] = x.T @ dout[:, j]
        return dout @ w.T, dw

Right:

    def backward(dout, cache):
        x, w = cache
        dw = np.zeros_like(w)
        for j in range(w.shape[1]):
            dw[:, j] = x.T @ dout[:, j]
        return dout @ w.T, dw

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 4)))

Why it happens: a range that ends one too early, a slice [:-1], a padded border that is counted twice, the row of the
bias in a matrix that holds weights and bias together.
"""
