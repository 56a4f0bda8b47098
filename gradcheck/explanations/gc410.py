"""The learning rate is above 2/λmax of a quadratic loss: gradient descent diverges.

Given:

    from gradcheck import check_learning_rate

    inputs, target = np.array([1.0, 2.0, 3.0]), 0.0

    def loss(weights):
        return (inputs @ weights - target) ** 2 / 2

Wrong:

    lr = 0.25

Right:

    lr = 1 / 14

Check:

    check_learning_rate(loss, np.array([3.0, 2.0, 1.0]), lr=lr)

Why it happens: each step multiplies the distance to the minimum along an eigenvector of the Hessian by 1 - lr·λ, here
1 - 0.25·14 = -2.5. Inputs that are not scaled, a loss that is a sum over many samples, and strongly correlated inputs
make λmax large. With momentum β the limit is 2(1+β)/λmax (Polyak 1964).
"""
