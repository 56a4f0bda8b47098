"""Two gradients are kept for one parameter, and they differ.

One of them is compared with the truth; it may not be the one that the update reads.

Wrong:

    class Linear:
        def __init__(self):
            self.W = rng.normal(size=(3, 2))
            self.grads = {}

        def forward(self, x):
            self.x = x
            return x @ self.W

        def backward(self, dout):
            self.dW = self.x.T @ dout
            self.grads["W"] = self.dW / len(dout)
            return dout @ self.W.T

Right:

    class Linear:
        def __init__(self):
            self.W = rng.normal(size=(3, 2))
            self.grads = {}

        def forward(self, x):
            self.x = x
            return x @ self.W

        def backward(self, dout):
            self.dW = self.x.T @ dout
            self.grads["W"] = self.dW
            return dout @ self.W.T

Check:

    check_layer(Linear(), rng.normal(size=(5, 3)))

Why it happens: a second place for the gradients was added for an optimizer, and only one of the two was mended later.
"""
