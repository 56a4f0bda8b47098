"""What goes back through a line of the forward is a constant times what it should be.

Given:

    def forward(x, w):
        h = np.tanh(x @ w)
        return x + h, (x, w, h)

Wrong:

    def backward(dout, cache):
        x, w, h = cache
        delta = dout * (1 - h**2)
        return delta @ w.T + 2 * dout, x.T @ delta

Right:

    def backward(dout, cache):
        x, w, h = cache
        delta = dout * (1 - h**2)
        return delta @ w.T + dout, x.T @ delta

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 3)))

Why it happens: a branch is counted twice, because two functions add it; the weight of one of several terms was
changed in the forward and not in the backward; a penalty of λ/2 ‖w‖² has λ w as its gradient, one of λ ‖w‖² has 2 λ
w.
"""
