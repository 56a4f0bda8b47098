"""The step is no multiple of the gradient.

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
        W[...] -= 0.01 * g["W"][::-1]
        b[...] -= 0.01 * g["b"]

Right:

    def step():
        g = gradients()
        W[...] -= 0.01 * g["W"]
        b[...] -= 0.01 * g["b"]

Check:

    check_step(step, params={"W": W, "b": b}, gradients=gradients, lr=0.01)

Why it happens: the gradient is reshaped, flipped or another parameter's on its way into the update; a later step takes
other data than the loss sees, or an old gradient; an adaptive optimizer scales each entry (Adam's first step is lr
times the sign). Those of torch are held against their own rule, and so are Adam, RMSprop and AdaGrad written by hand,
where two steps or more can be made: usual settings are tried, others fitted to the moves ("likely"). Adam without
one or both of its corrections, with a count that stays at 1 or with moments not kept is told as that; another rule is
undecided. Or, with loss= in place of gradients=, the gradient itself is wrong: check_network with
gradients=gradcheck.from_update(step, lr=...) says how.
"""
