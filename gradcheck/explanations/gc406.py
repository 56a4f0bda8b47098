"""A parameter is updated before all gradients are computed.

Given:

    from gradcheck import check_step

    class Net:
        def __init__(self):
            self.W1, self.W2 = rng.normal(size=(3, 4)), rng.normal(size=(4, 2))

        def loss(self):
            return np.sum((np.tanh(x @ self.W1) @ self.W2 - y) ** 2) / 2

    x, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 2))

Wrong:

    def step(net):
        h = np.tanh(x @ net.W1)
        delta = h @ net.W2 - y
        net.W2 -= 0.01 * h.T @ delta
        net.W1 -= 0.01 * x.T @ (delta @ net.W2.T * (1 - h**2))

Right:

    def step(net):
        h = np.tanh(x @ net.W1)
        delta = h @ net.W2 - y
        dW1 = x.T @ (delta @ net.W2.T * (1 - h**2))
        net.W2 -= 0.01 * h.T @ delta
        net.W1 -= 0.01 * dW1

Check:

    net = Net()
    check_step(lambda: step(net), params=net, loss=net.loss, lr=0.01)

Why it happens: backward goes down the layers and updates each on its way, so that the gradient below goes down
through weights that have moved. The same where weights move after each sample and the step is meant for the batch.
"""
