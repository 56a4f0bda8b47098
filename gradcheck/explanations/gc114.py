"""A gradient has NaN or infinite entries, though the forward is finite.

Given:

    def forward(x):
        return np.logaddexp(0, x), x

Wrong:

    def backward(dout, x):
        return dout * np.exp(x) / (1 + np.exp(x))

Right:

    def backward(dout, x):
        return dout / (1 + np.exp(-x))

Check:

    check_layer(forward, backward, np.array([-1.0, 2.0, 800.0]))

Why it happens: exp of a large number (inf/inf is NaN), 0/0 and log(0) in a formula that is fine elsewhere, a division
by a norm or a variance that may be zero. Bring the formula into a form that holds there, or keep away from the point
by an epsilon in the forward and the backward alike.
"""
