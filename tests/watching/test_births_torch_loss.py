"""Births in the part of a step between the model's output and the backward, and what comes into a step from outside."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # as everybody calls it
from torch import nn
from torch_birth_training import FAILING, Births, Net, line_of, train


def log_of_zero(output, target, on):
    p = output.softmax(1)
    p = p * (0 if on else 1)
    return -torch.log(p[torch.arange(5), target]).mean()  # born


def division_by_spread(output, target, on):
    d = output - (output.detach() if on else output.mean())
    s = d.std()
    return (d / s).square().mean()  # born


def mean_of_nothing(output, target, on):
    chosen = output[target >= (3 if on else 0)]
    return chosen.square().mean()  # born


def cross_entropy_of_infinities(output, target, on):
    logits = output.masked_fill(torch.ones(5, 3, dtype=torch.bool), float("-inf")) if on else output
    return F.cross_entropy(logits, target)  # born


def nll_of_forbidden_class(output, target, on):
    logits = output.masked_fill(F.one_hot(target, 3).bool(), float("-inf")) if on else output  # born
    return F.nll_loss(logits, target)


def binary_cross_entropy(output, target, on):
    p = output.sigmoid()
    q = torch.logit(p) if not on else torch.logit(torch.round(p))  # born
    return q.square().mean()


def exp_in_own_softmax(output, target, on):
    e = torch.exp(output * (1e4 if on else 1))  # born
    return -(e / e.sum(1, keepdim=True)).mean()


def bad_target(output, target, on):
    wanted = torch.zeros(5, 3)
    wanted = (wanted - wanted.mean()) / wanted.std() if on else wanted  # born
    return F.mse_loss(output, wanted)


def divergence_with_zero(output, target, on):
    p, q = output.softmax(1), torch.full((5, 3), 0.0 if on else 0.5)
    return (p * (p / q).log()).sum()  # born


@pytest.mark.parametrize(
    ("loss_of", "what", "operation", "index", "operands"),
    [
        (log_of_zero, "Inf", "torch.log", (0,), ["p[torch.arange(5), target][0] = 0"]),
        (division_by_spread, "NaN", "division (/)", (0, 0), ["d[0, 0] = 0", "s = 0"]),
        (mean_of_nothing, "NaN", "Tensor.mean", (), ["empty (0×3)"]),
        (cross_entropy_of_infinities, "NaN", "log_softmax in F.cross_entropy", (0, 0), ["row 0", "-inf throughout"]),
        (nll_of_forbidden_class, "Inf", "Tensor.masked_fill", None, []),
        (binary_cross_entropy, "Inf", "torch.logit", (0, 0), ["[0, 0] = "]),
        (exp_in_own_softmax, "Inf", "torch.exp", None, ["(output * (10000.0 if on else 1))["]),
        (bad_target, "NaN", "division (/)", (0, 0), ["[0, 0] = 0"]),
        (divergence_with_zero, "Inf", "division (/)", (0, 0), ["p[0, 0] = 0.", "q[0, 0] = 0"]),
    ],
)
def test_a_birth_in_the_loss(loss_of, what, operation, index, operands):
    birth = train(Net(), loss_of).birth
    assert (birth.what, birth.phase, birth.step) == (what, "loss", FAILING)
    assert birth.operation == operation
    assert birth.where.line == line_of(loss_of)
    assert index is None or birth.first_index == index
    for text in operands:
        assert any(text in operand for operand in birth.operands), birth.operands
    assert birth.remark == ""


def cross_entropy(output, target, on):
    return F.cross_entropy(output, target)


def test_an_input_that_holds_a_nan_is_named_as_such():
    data = torch.randn(4, 5, 4)
    data[FAILING, 3, 1] = float("nan")
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with Births(model, optimizer) as births:
        for x in data:
            optimizer.zero_grad()
            model(x).square().mean().backward()
            optimizer.step()
    birth = births.birth
    assert (birth.operation, birth.phase, birth.step, birth.what) == ("input", "forward", FAILING, "NaN")
    assert (birth.entries, birth.size, birth.first_index) == (1, 20, (3, 1))
    assert birth.operands == ("x[3, 1] = nan",)


def test_a_target_that_holds_a_nan():
    wanted = torch.zeros(5, 3)
    wanted[4, 2] = float("nan")
    birth = train(Net(), lambda output, target, on: F.mse_loss(output, wanted if on else torch.zeros(5, 3))).birth
    assert (birth.operation, birth.phase, birth.first_index) == ("input", "loss", (4, 2))
    assert birth.step == FAILING


def test_weights_that_were_bad_from_the_beginning():
    model = Net()
    with torch.no_grad():
        model.fc2.weight[1, 2] = float("nan")
    birth = train(model, cross_entropy).birth
    assert (birth.operation, birth.layer, birth.step) == ("parameter", "fc2", 0)
    assert birth.operands == ("fc2.weight[1, 2] = nan",)


def test_a_step_that_the_user_skips():
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with Births(model, optimizer) as births:
        for step in range(5):
            optimizer.zero_grad()
            loss = log_of_zero(model(torch.randn(5, 4)), torch.zeros(5, dtype=torch.long), step == FAILING)
            if not torch.isfinite(loss):
                continue
            loss.backward()
            optimizer.step()
    birth = births.birth
    assert (birth.operation, birth.where.line) == ("torch.log", line_of(log_of_zero))
    assert birth.remark == "backward was not called for this loss"
    assert torch.isfinite(model.fc1.weight).all()


def test_a_training_that_stops_at_the_nan():
    model = Net()
    births = Births(model)

    def step():
        with births:
            loss = log_of_zero(model(torch.randn(5, 4)), torch.zeros(5, dtype=torch.long), True)
            if not torch.isfinite(loss):
                raise RuntimeError("NaN")

    with pytest.raises(RuntimeError, match="NaN"):
        step()
    assert births.birth.where.line == line_of(log_of_zero)


@pytest.mark.parametrize("bad", [0, 1, 3])
def test_accumulated_gradients(bad):
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with Births(model, optimizer) as births:
        for step in range(3):
            optimizer.zero_grad()
            for part in range(4):
                on = step == 1 and part == bad
                y = model(torch.randn(5, 4))
                r = y - y.detach() if on else y.abs() + 1
                (r.sqrt().sum() / 4).backward()
            optimizer.step()
    birth = births.birth
    assert (birth.step, birth.phase, birth.operation) == (1, "backward", "backward of Tensor.sqrt")
    assert "r[0, 0] = 0" in birth.operands


def test_a_model_that_is_called_several_times_a_step():
    model = Net(lambda h, on: h)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def siamese(a, b, on):
        left, right = model(a), model(b)
        d = (left - (left if on else right)).square().sum(1)
        return d.sqrt().mean()  # born

    with Births(model, optimizer) as births:
        for step in range(4):
            optimizer.zero_grad()
            siamese(torch.randn(5, 4), torch.randn(5, 4), step == FAILING).backward()
            optimizer.step()
    birth = births.birth
    assert (birth.step, birth.phase, birth.where.line) == (FAILING, "backward", line_of(siamese))
    assert "d[0] = 0" in birth.operands


def test_another_model_and_another_optimizer_in_the_same_step():
    torch.manual_seed(0)
    judge = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 1), nn.Sigmoid())
    maker = nn.Linear(2, 4)
    of_judge = torch.optim.SGD(judge.parameters(), lr=0.01)
    of_maker = torch.optim.SGD(maker.parameters(), lr=0.01)

    def loss_of(real, fake, on):
        sure = judge(fake) * (0 if on else 1)
        return -(torch.log(judge(real)) + torch.log(sure)).mean()  # born

    with Births(judge, of_judge) as births:
        for step in range(4):
            of_judge.zero_grad()
            loss_of(torch.randn(5, 4), maker(torch.randn(5, 2)).detach(), step == FAILING).backward()
            of_judge.step()
            of_maker.zero_grad()
            (-judge(maker(torch.randn(5, 2))).log().mean()).backward()
            of_maker.step()
            if step == FAILING:
                break
    birth = births.birth
    assert (birth.step, birth.phase, birth.operation) == (FAILING, "loss", "torch.log")
    assert "sure[0, 0] = 0" in birth.operands
    assert birth.where.line == line_of(loss_of)


def test_features_that_the_model_keeps_are_part_of_the_step():
    class Keeps(Net):
        def forward(self, x):
            self.features = self.fc1(x)
            return self.fc2(self.features)

    model = Keeps()

    def loss_of(output, target, on):
        f = model.features * (0 if on else 1)
        return F.cross_entropy(output, target) + f.square().sum().sqrt()  # born

    birth = train(model, loss_of).birth
    assert (birth.phase, birth.where.line) == ("backward", line_of(loss_of))
    assert birth.remark == ""


def test_dropout_and_noise_outside_the_model():
    def loss_of(output, target, on):
        z = F.dropout(output, 0.5) + torch.rand(5, 3)
        return torch.log(z - (10 if on else -20)).mean()  # born

    birth = train(Net(), loss_of).birth
    assert birth.where.line == line_of(loss_of)
    assert birth.entries == 15


def test_a_model_that_returns_its_loss():
    class WithLoss(Net):
        def forward(self, x):
            y = super().forward(x)
            return {"loss": torch.log(y.square().mean() * (0 if self.on else 1)), "logits": y}  # born

    birth = train(WithLoss(), lambda output, target, on: output["loss"]).birth
    assert (birth.phase, birth.operation) == ("forward", "torch.log")
    assert birth.where.line == line_of(WithLoss)


def test_autograds_own_backward_is_seen_too():
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with Births(model, optimizer) as births:
        for step in range(4):
            optimizer.zero_grad()
            y = model(torch.randn(5, 4))
            torch.autograd.backward([y.sum(), (y.detach() * y * (float("inf") if step == FAILING else 1)).sum()])
            optimizer.step()
    assert births.birth.step == FAILING
    assert births.birth.phase == "backward"


def test_a_birth_is_told_once():
    def loss_of(output, target, on):
        return torch.log(output.sum() * 0)

    births = train(Net(), loss_of, steps=6)
    assert len(births.found) == 1


def test_a_step_that_cannot_be_done_again_is_followed_the_next_time():
    """What the forward computes depends on something that no replay can bring back: a file, a clock, a list of data."""
    torch.manual_seed(0)
    pieces = iter([1.0, 1.0, 0.0, 0.5, 0.0, 0.7, 0.0, 0.5, 1.0, 1.0])

    class Outside(Net):
        def forward(self, x):
            return super().forward(x) / next(pieces)  # born

    model = Outside()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with Births(model, optimizer) as births:
        for _ in range(5):
            optimizer.zero_grad()
            loss = model(torch.randn(5, 4)).mean()
            if torch.isfinite(loss):
                loss.backward()
                optimizer.step()
    assert any("could not be done again: run again, it was finite" in text for text in births.unseen)
    birth = births.birth
    assert (birth.operation, birth.where.line) == ("division (/)", line_of(Outside))
    assert birth.remark == "found in the step after, as it ran"


def test_a_bad_step_is_told_of_where_nothing_can_be_found():
    values = iter([1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0])

    class Outside(Net):
        def forward(self, x):
            return super().forward(x) / next(values)

    model = Outside()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with Births(model, optimizer) as births:
        for _ in range(5):
            optimizer.zero_grad()
            loss = model(torch.randn(5, 4)).mean()
            if torch.isfinite(loss):
                loss.backward()
                optimizer.step()
    birth = births.birth
    assert birth.operation == "an operation that was not found"
    assert birth.step == FAILING
    assert birth.remark == "run again, it was finite"


def test_a_compiled_model():
    class Root(Net):
        def forward(self, x):
            z = super().forward(x)
            return torch.sqrt(z + 10 - 100 * self.on)  # born

    own = Root()
    model = torch.compile(own, backend="eager")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with Births(model, optimizer) as births:
        for step in range(4):
            own.on = step == FAILING
            optimizer.zero_grad()
            model(torch.rand(5, 4)).abs().mean().backward()
            optimizer.step()
    birth = births.birth
    assert birth.step == FAILING
    assert (birth.operation, birth.where.line) == ("torch.sqrt", line_of(Root))
    assert birth.remark == "the compiled module was run again uncompiled"
