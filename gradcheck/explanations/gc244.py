"""A softmax, or a normalisation, is differentiated along another axis than the forward took.

Given:

    def softmax(z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def forward(z):
        p = softmax(z)
        return p, p

Wrong:

    def backward(dout, p):
        return p * (dout - (dout * p).sum(axis=0, keepdims=True))

Right:

    def backward(dout, p):
        return p * (dout - (dout * p).sum(axis=1, keepdims=True))

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)))

Why it happens: code for one column is used for a batch of rows. With keepdims=True both axes broadcast, so that
nothing complains.
"""
