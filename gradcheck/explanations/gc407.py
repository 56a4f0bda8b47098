"""Weight decay or momentum that was not stated moves the parameter.

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
        W[...] -= 0.01 * (g["W"] + 0.1 * W)
        b[...] -= 0.01 * g["b"]

Right:

    def step():
        g = gradients()
        W[...] -= 0.01 * g["W"]
        b[...] -= 0.01 * g["b"]

Check:

    check_step(step, params={"W": W, "b": b}, gradients=gradients, lr=0.01)

Why it happens: the update has a penalty on the weights that the loss does not know of, or a velocity from earlier
steps. State what is meant, weight_decay=0.1 or momentum=0.9, and the rest of the move is checked. Weights that grow
have the decay with the wrong sign. Momentum begins at zero and shows from the second step on: so does momentum that was
stated and whose velocity is not kept.
"""
