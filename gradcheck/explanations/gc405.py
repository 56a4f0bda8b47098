"""The learning rate decays in one variable, and the update uses another.

Given:

    from gradcheck import check_step

    class Net:
        def __init__(self):
            self.W = rng.normal(size=(3, 2))
            self.learning_rate = self.alpha = 0.01

        def gradients(self):
            return {"W": x.T @ (x @ self.W - y)}

    x, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 2))

Wrong:

    def step(net):
        net.W -= net.alpha * net.gradients()["W"]
        net.learning_rate *= 0.9

Right:

    def step(net):
        net.W -= net.learning_rate * net.gradients()["W"]
        net.learning_rate *= 0.9

Check:

    net = Net()
    check_step(lambda: step(net), params=net, gradients=net.gradients, lr=0.01)

Why it happens: the rate was renamed, or copied when the object was made; a scheduler belongs to another optimizer.
Several steps are made, and the rate that explains each is held beside every float that changes between them.
"""
