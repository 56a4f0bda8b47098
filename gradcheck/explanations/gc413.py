"""The loss curves downwards along some direction.

Given:

    from gradcheck import check_learning_rate

Wrong:

    def loss(weights):
        return weights[0] ** 2 - weights[1] ** 2

Right:

    def loss(weights):
        return weights[0] ** 2 + weights[1] ** 2

Check:

    check_learning_rate(loss, np.array([1.0, 0.5]), lr=0.1)

Why it happens: at random weights the Hessian of a network has negative eigenvalues, and nothing is wrong: it is told
because 2/λmax says nothing about these directions. A quadratic loss with one has no minimum: a sign in it is wrong.
"""
