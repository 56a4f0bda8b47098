"""What goes to the layer below goes through weights that were updated already.

Given:

    from gradcheck import check_network, from_update

    LR = 0.5
    X, T = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))

    class Net:
        def __init__(self):
            self.W1, self.W2 = rng.normal(size=(3, 4)), rng.normal(size=(4, 2))

        def loss(self):
            self.h = np.tanh(X @ self.W1)
            self.y = self.h @ self.W2
            return 0.5 * np.sum((self.y - T) ** 2)

    net = Net()

Wrong:

    def step():
        delta = net.y - T
        net.W2 -= LR * net.h.T @ delta
        delta = (delta @ net.W2.T) * (1 - net.h**2)
        net.W1 -= LR * X.T @ delta

Right:

    def step():
        delta = net.y - T
        below = (delta @ net.W2.T) * (1 - net.h**2)
        net.W2 -= LR * net.h.T @ delta
        net.W1 -= LR * X.T @ below

Check:

    check_network(net, loss=net.loss, gradients=from_update(step, lr=LR))

Why it happens: one loop walks down the layers, and updates each as soon as it has its gradient. With a small learning
rate the difference is small. Compute what goes down first, or all gradients before the first update.
"""
