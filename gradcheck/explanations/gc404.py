"""The step is applied twice.

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

    def update():
        g = gradients()
        W[...] -= 0.01 * g["W"]
        b[...] -= 0.01 * g["b"]

    def step():
        update()
        update()

Right:

    def step():
        g = gradients()
        W[...] -= 0.01 * g["W"]
        b[...] -= 0.01 * g["b"]

Check:

    check_step(step, params={"W": W, "b": b}, gradients=gradients, lr=0.01)

Why it happens: backward updates the weights already and the training loop does so again; one array stands twice in
the list of parameters; optimizer.step() is called in a helper and after it.
"""
