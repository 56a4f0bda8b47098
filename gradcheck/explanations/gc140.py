"""Not enough evidence: the check would not have seen an error as small as was asked for.

What was asked for is ``power=``: the error in a single entry, as a share of an entry of typical size (the root mean
square of the gradient's entries), that must be caught. What was found is right as far as it was seen.

Given:

    def forward(x, w):
        return x @ w, (x, w)

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout

    x, w = rng.normal(size=(8, 30)), rng.normal(size=(30, 20))

Wrong:

    dtype = "float16"

Right:

    dtype = "float64"

Check:

    check_layer(forward, backward, x, w, dtype=dtype, power=1e-3)

Why it happens: in a low precision so much is rounding that a small mistake cannot be told from it; or PyTorch cannot
follow the forward, and random probes are all there is. A probe sees all entries at once: the more there are, the less
it sees of a single one.
"""
