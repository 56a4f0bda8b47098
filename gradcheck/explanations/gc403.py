"""A parameter with a gradient does not move.

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
        for parameter, gradient in [(W, g["W"]), (b, g["b"])]:
            parameter = parameter - 0.01 * gradient

Right:

    def step():
        g = gradients()
        for parameter, gradient in [(W, g["W"]), (b, g["b"])]:
            parameter -= 0.01 * gradient

Check:

    check_step(step, params={"W": W, "b": b}, gradients=gradients, lr=0.01)

Why it happens: p = p - ... makes a new array and binds the local name to it; p -= ... changes the array that the
network uses. The same with a list of parameters of which the network has the first ones still, with .copy() on the
way to the optimizer, and with a parameter that was never given to it. In 16 bits a small step is lost in the rounding
of the weights.
"""
