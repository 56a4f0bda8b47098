"""The learning rate is above 2/λmax at these weights: above the edge of stability.

Given:

    from gradcheck import check_learning_rate

    x, y = rng.normal(size=(20, 4)), rng.normal(size=(20, 1))
    W1, W2 = rng.normal(size=(4, 8)), rng.normal(size=(8, 1))

    def loss():
        return np.sum((np.tanh(x @ W1) @ W2 - y) ** 2) / 2

Wrong:

    lr = 0.1

Right:

    lr = 0.001

Check:

    check_learning_rate(loss, {"W1": W1, "W2": W2}, lr=lr)

Why it happens: the curvature at the weights is too large for the step: it overshoots along the steepest direction.
The loss is no quadratic, so it may fall all the same, unevenly, while the curvature adapts (Cohen et al. 2021). It is
an error where ten steps of gradient descent from here do not lower the loss.
"""
