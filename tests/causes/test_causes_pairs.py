"""A change of the array and a factor on top of it; what the factor stands for is looked for in the forward."""

import numpy as np
from planted_arrays import cause, causes

from gradcheck import check_layer, check_network
from gradcheck.causes import difference_of

KERNEL = np.random.default_rng(1).standard_normal((2, 1, 3, 3))


def correlate(x, k):
    windows = np.lib.stride_tricks.sliding_window_view(x, k.shape[2:], axis=(2, 3))
    return np.einsum("nchwij,kcij->nkhw", windows, k)


def test_flipped_and_divided_by_the_number_of_positions():
    def backward(dout, x, k):
        dx = np.zeros_like(x)
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                dx[:, :, i : i + 3, j : j + 3] += np.einsum("nk,kcij->ncij", dout[:, :, i, j], k)
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
        dk = np.einsum("nchwij,nkhw->kcij", windows, dout)
        return dx, np.flip(dk, (2, 3)) / (dout.shape[2] * dout.shape[3])

    x = np.random.default_rng(0).standard_normal((5, 1, 8, 8))
    [finding] = causes(check_layer(correlate, backward, x, KERNEL))
    assert finding.code == "GC204"
    assert finding.title == (
        "dk is the true gradient flipped along axes 2 and 3 (rotated by 180°), and 1/36 times that "
        "(one over the number of positions of the output, 36)"
    )
    assert finding.help == (
        "flip neither the input nor the delta here",
        "sum over the positions of the output, do not average: multiply dk by 36",
    )


def test_the_number_of_positions_is_found_inside_a_network_with_one_loss():
    class Net:
        def __init__(self):
            self.k = KERNEL.copy()

        def loss(self, x):
            self.z = correlate(x, self.k)
            return np.sum(np.tanh(self.z))

        def backward(self, x):
            windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
            return {"k": np.einsum("nchwij,nkhw->kcij", windows, 1 - np.tanh(self.z) ** 2) / 36}

    x, net = np.random.default_rng(0).standard_normal((5, 1, 8, 8)), Net()
    [finding] = causes(check_network(net, loss=lambda: net.loss(x), gradients=lambda: net.backward(x)))
    assert finding.title == (
        "dk is 1/36 times the true gradient "
        "(likely one over the number of positions of a 5×2×6×6 array in the forward, 36)"
    )


def test_the_other_sign_on_top():
    assert cause(lambda dw, dout, x, w: -np.flip(dw, 0)).title == (
        "dw is the true gradient flipped along axis 0, with the other sign"
    )


def test_a_flip_with_noise_on_top_is_not_named():
    noisy = np.flip(KERNEL, (2, 3)) * (1 + 0.01 * np.random.default_rng(2).standard_normal(KERNEL.shape))
    [finding] = difference_of(noisy, KERNEL, "dk", {}, None)
    assert finding.code == "GC299"
