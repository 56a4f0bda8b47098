"""One step leaves NaN or infinite weights.

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
        W[...] -= 0.01 * g["W"] / np.sqrt(np.sum(g["W"]) - np.sum(g["W"]))
        b[...] -= 0.01 * g["b"]

Right:

    def step():
        g = gradients()
        W[...] -= 0.01 * g["W"]
        b[...] -= 0.01 * g["b"]

Check:

    check_step(step, params={"W": W, "b": b}, gradients=gradients, lr=0.01)

Why it happens: the update divides by a running mean or a norm that is still zero, takes the root of a negative
number, or overflows. Where the gradient is not finite already, the fault lies before the update: watch(net) names the
line at which the first such number was born.
"""
