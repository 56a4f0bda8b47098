"""A gradient is right for one channel, and wrong for two.

A sum over channels that is left out, or taken where there is none, does not show in images of one channel.

Wrong:

    def backward(dout, x):
        every = dout.sum(axis=1)[:, None, None, None] / (x.shape[2] * x.shape[3])
        return np.broadcast_to(every, x.shape).copy()

Right:

    def backward(dout, x):
        every = dout[:, :, None, None] / (x.shape[2] * x.shape[3])
        return np.broadcast_to(every, x.shape).copy()

Check:

    def global_average_pool(x):
        return x.mean(axis=(2, 3)), x

    check_layer(global_average_pool, backward, rng.normal(size=(3, 1, 4, 5)))

Why it happens: the layer is written for grey images and tried on them; the axis of the channels has length one, and can
be summed over, broadcast or left out without a difference.
"""
