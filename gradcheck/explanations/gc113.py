"""Two layers share one cache, or one object stands in two places of a network.

Run as a network, forward of both and then backward of both, the first backward reads what the second forward kept.

Wrong:

    class Tanh:
        out = None

        def forward(self, x):
            Tanh.out = np.tanh(x)
            return Tanh.out.copy()

        def backward(self, dout):
            return dout * (1 - Tanh.out**2)

Right:

    class Tanh:
        def forward(self, x):
            self.out = np.tanh(x)
            return self.out.copy()

        def backward(self, dout):
            return dout * (1 - self.out**2)

Check:

    check_layer(Tanh(), rng.normal(size=(5, 3)))

Why it happens: what belongs to a class belongs to all its objects, also a dict or list that stands in the body of the
class; so does a module's global. Two layers of a network are two objects, each with a cache of its own.
"""
