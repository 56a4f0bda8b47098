"""Births in models of kinds that need care: checkpoints, hooks, complex numbers, sparse gradients."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # as everybody calls it
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch_birth_training import FAILING, Births, Net, line_of, train


def cross_entropy(output, target, on):
    return F.cross_entropy(output, target)


class Checkpointed(Net):
    old = False

    def part(self, h):
        z = h * 0 if self.on else h.abs() + 1
        return torch.sqrt(z)  # born

    def forward(self, x):
        return self.fc2(checkpoint(self.part, self.fc1(x), use_reentrant=self.old))


class CheckpointedOfOld(Checkpointed):
    old = True


@pytest.mark.parametrize("kind", [Checkpointed, CheckpointedOfOld])
def test_a_checkpoint(kind):
    model = kind()
    birth = train(model, cross_entropy).birth
    assert (birth.phase, birth.operation, birth.step) == ("backward", "backward of torch.sqrt", FAILING)
    assert birth.where.line == line_of(Checkpointed)
    assert birth.first_index == (0, 0)


class Complex(Net):
    def forward(self, x):
        z = torch.fft.fft(self.fc1(x))
        return self.fc2((z / (0 if self.on else 1)).abs())  # born


def test_complex_numbers():
    birth = train(Complex(), cross_entropy).birth
    assert (birth.operation, birth.where.line) == ("division (/)", line_of(Complex))
    assert birth.operands[0].startswith("z[0, 0] = (")
    assert "with 0" in birth.operands


class Sparse(Net):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(10, 6, sparse=True)

    def forward(self, x):
        y = self.table(torch.arange(5))
        z = y * 0 if self.on else y.abs() + 1
        return self.fc2(z.sqrt())  # born


def test_a_sparse_gradient():
    birth = train(Sparse(), cross_entropy).birth
    assert (birth.phase, birth.operation) == ("backward", "backward of Tensor.sqrt")
    assert birth.where.line == line_of(Sparse)
    assert any("table.weight" in text for text in birth.consequences)


def of_a_forward(model):
    def hook(module, args, output):
        return output / (0 if model.on else 1)  # born

    model.fc1.register_forward_hook(hook)
    return hook


def of_a_backward(model):
    def hook(module, given, upstream):
        return (given[0] / (0 if model.on else 1),)  # born

    model.fc2.register_full_backward_hook(hook)
    return hook


def of_a_parameter(model):
    def hook(gradient):
        return gradient / (0 if model.on else 1)  # born

    model.fc1.weight.register_hook(hook)
    return hook


@pytest.mark.parametrize(
    ("add", "phase", "operand"),
    [
        (of_a_forward, "forward", "output[0, 0] = "),
        (of_a_backward, "backward", "given[0][0, 0] = "),
        (of_a_parameter, "backward", "gradient[0, 0] = "),
    ],
)
def test_hooks_of_the_users(add, phase, operand):
    model = Net()
    hook = add(model)
    birth = train(model, cross_entropy).birth
    assert (birth.phase, birth.step) == (phase, FAILING)
    assert birth.operation.startswith("division (/)")
    assert birth.where.line == line_of(hook)
    assert birth.operands[0].startswith(operand), birth.operands
    assert "with 0" in birth.operands


def test_a_recurrent_net_whose_input_overflows():
    class Recurrent(Net):
        def __init__(self):
            super().__init__()
            self.cell = nn.LSTM(4, 6, batch_first=True)

        def forward(self, x):
            z = x[:, None].repeat(1, 3, 1) * (1e38 if self.on else 1)
            z = z * 1e3 if self.on else z  # born
            y, _ = self.cell(z)
            return self.fc2(y[:, -1])

    birth = train(Recurrent(), cross_entropy).birth
    assert (birth.operation, birth.what, birth.where.line) == ("product (*)", "Inf", line_of(Recurrent))
    assert any(text.startswith("layer cell") for text in birth.consequences)


def test_a_model_inside_another():
    def root(h, on):
        z = h * 0 if on else h.abs() + 1
        return z.sqrt()  # born

    own = Net(root)

    def before(x, model):
        own.on = model.on

    birth = train(nn.DataParallel(own), cross_entropy, before=before).birth
    assert (birth.operation, birth.where.line) == ("backward of Tensor.sqrt", line_of(root))


def test_parts_of_the_model_called_by_themselves():
    class Parts(Net):
        def loss(self, x, target):
            h = self.fc1(x)
            z = torch.log(h.abs() * (0 if self.on else 1))  # born
            return F.cross_entropy(self.fc2(z), target)

    model = Parts()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with Births(model, optimizer) as births:
        for step in range(4):
            model.on = step == FAILING
            optimizer.zero_grad()
            model.loss(torch.randn(5, 4), torch.randint(3, (5,))).backward()
            optimizer.step()
    birth = births.birth
    assert (birth.operation, birth.where.line) == ("torch.log", line_of(Parts))
    assert birth.entries == 30


def test_a_step_with_more_calls_than_are_kept():
    model = Net()

    def loss_of(output, target, on):
        total = output.sum()
        for _ in range(2500):
            total = total * 1.0 + 0.0
        return torch.log(total * (0 if on else 1e-6) + (0 if on else 1))

    births = train(model, loss_of)
    assert births.birth.operation == "an operation that was not found"
    assert births.birth.remark == "it makes too many calls outside the model"
