"""The step goes up the gradient, not down.

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
        W[...] += 0.01 * g["W"]
        b[...] += 0.01 * g["b"]

Right:

    def step():
        g = gradients()
        W[...] -= 0.01 * g["W"]
        b[...] -= 0.01 * g["b"]

Check:

    check_step(step, params={"W": W, "b": b}, gradients=gradients, lr=0.01)

Why it happens: the update adds, while the gradient is that of the loss; or both the gradient and the update have a
minus. An update that adds is right where the learning rate is negative: give it so, lr=-0.01. In torch, maximize=True
does it.
"""
