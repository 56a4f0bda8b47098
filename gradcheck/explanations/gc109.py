"""The forward writes into its input.

A layer below may need the values that are overwritten here, for its own backward.

Given:

    def backward(dout, mask):
        return dout * mask

Wrong:

    def forward(x):
        mask = x > 0
        x *= mask
        return x, mask

Right:

    def forward(x):
        mask = x > 0
        return x * mask, mask

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)))

Why it happens: x *= mask is shorter than x = x * mask, and means something else for an array.
"""
