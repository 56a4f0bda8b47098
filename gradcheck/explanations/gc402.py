"""The step uses another learning rate than the one that was given.

Given:

    from gradcheck import check_step

    W, b = rng.normal(size=(3, 2)), rng.normal(size=2)
    x, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 2))

    def loss():
        return np.sum((x @ W + b - y) ** 2) / 2

    def gradients():
        delta = x @ W + b - y
        return {"W": x.T @ delta, "b": delta.sum(axis=0)}

Wrong:

    def step():
        g = gradients()
        W[...] -= 0.01 / len(x) * g["W"]
        b[...] -= 0.01 / len(x) * g["b"]

Right:

    def step():
        g = gradients()
        W[...] -= 0.01 * g["W"]
        b[...] -= 0.01 * g["b"]

Check:

    check_step(step, params={"W": W, "b": b}, gradients=gradients, lr=0.01)

Why it happens: the gradient is averaged over the batch once more in the update, or summed where the loss is a mean; a
factor 2 is left out; another variable than the one that is tuned holds the rate; gradients are added up over two
backward passes. The report says which number around the step it is, as far as one fits.
"""
