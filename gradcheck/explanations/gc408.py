"""The gradient is clipped before the step.

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
        W[...] -= 0.01 * np.clip(g["W"], -1, 1)
        b[...] -= 0.01 * np.clip(g["b"], -1, 1)

Right:

    def step():
        g = gradients()
        W[...] -= 0.01 * g["W"]
        b[...] -= 0.01 * g["b"]

Check:

    check_step(step, params={"W": W, "b": b}, gradients=gradients, lr=0.01)

Why it happens: clipping was put in against a loss that ran away. By value it changes the direction of the step, by
norm its length; at every step it hides how large the gradient is. Where it is meant, give the gradients as they are
after it.
"""
