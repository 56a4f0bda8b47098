"""The loss does not fall as much as the gradient that was given says.

Given:

    from gradcheck import check_learning_rate

    inputs, target = np.array([1.0, 2.0, 3.0]), 0.0

    def loss(weights):
        return (inputs @ weights - target) ** 2 / 2

Wrong:

    def gradient(weights):
        return 2 * (inputs @ weights - target) * inputs

Right:

    def gradient(weights):
        return (inputs @ weights - target) * inputs

Check:

    weights = np.array([3.0, 2.0, 1.0])
    check_learning_rate(loss, weights, lr=0.01, gradient=gradient(weights))

Why it happens: ρ = (L(w) - L(w - η·g)) / (η·‖g‖²) goes to 1 for small steps where g is the gradient of L. A doubled
gradient gives ½, one with the wrong sign -1, one that is a sum where L is a mean over N samples 1/N. One number for
gradient and step together; check_network says which gradient is wrong, and how.
"""
