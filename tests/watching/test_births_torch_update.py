"""Births in what happens between the backward and the next forward: optimizers, clipping, gradients changed by hand."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # as everybody calls it
from torch_birth_training import FAILING, Births, Net, line_of


def train(make, spoil, clip=None):
    torch.manual_seed(0)
    model = Net()
    optimizer = make(model.parameters())
    with Births(model, optimizer) as births:
        for step in range(4):
            optimizer.zero_grad()
            x, target = torch.randn(5, 4), torch.randint(3, (5,))
            y = model(x)
            loss = F.cross_entropy(y, target)
            if step == FAILING:
                loss = spoil(loss, y, optimizer)
            loss.backward()
            if clip is not None:
                clip(model, step == FAILING)
            optimizer.step()  # born
    return model, births


def infinite_rate(loss, y, optimizer):
    optimizer.param_groups[0]["lr"] = float("inf")
    return loss


def no_gradient(loss, y, optimizer):
    for state in optimizer.state.values():
        state["exp_avg"].zero_()
        state["exp_avg_sq"].zero_()
    return loss * 0


def steep(loss, y, optimizer):
    optimizer.param_groups[0]["lr"] = 1e30
    return loss * 1e12


def emptied(loss, y, optimizer):
    for state in optimizer.state.values():
        state["square_avg"].zero_()
    return loss * 0


@pytest.mark.parametrize(
    ("make", "spoil", "name", "what", "operands"),
    [
        (lambda p: torch.optim.SGD(p, lr=0.01), infinite_rate, "SGD", "Inf", ["before", "gradient of", "lr = inf"]),
        (lambda p: torch.optim.SGD(p, lr=0.01), steep, "SGD", "Inf", ["before", "lr = 1e+30"]),
        (
            lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
            steep,
            "SGD",
            "Inf",
            ["momentum_buffer", "momentum = 0.9"],
        ),
        (lambda p: torch.optim.Adam(p, eps=0.0), no_gradient, "Adam", "NaN", ["before", "eps = 0", "exp_avg_sq"]),
        (lambda p: torch.optim.AdamW(p, lr=0.1), infinite_rate, "AdamW", "NaN", ["before", "lr = inf"]),
        (lambda p: torch.optim.RMSprop(p, eps=0.0), emptied, "RMSprop", "NaN", ["square_avg", "eps = 0"]),
    ],
    ids=["infinite rate", "overflow", "momentum", "Adam without eps", "AdamW", "RMSprop without eps"],
)
def test_a_birth_in_the_update(make, spoil, name, what, operands):
    _, births = train(make, spoil)
    birth = births.birth
    assert (birth.phase, birth.what, birth.step) == ("update", what, FAILING)
    assert birth.operation == f"{name} update of fc1.weight"
    assert birth.where.line == line_of(train)
    assert birth.layer == "fc1"
    for text in operands:
        assert any(text in operand for operand in birth.operands), birth.operands


def test_an_update_found_late_is_still_the_updates():
    """Where nobody tells of the weights: the next step's loss does."""
    torch.manual_seed(0)
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    births = Births(model, optimizer)
    births.watch.weights_bad = lambda names: None
    with births:
        for step in range(4):
            optimizer.zero_grad()
            F.cross_entropy(model(torch.randn(5, 4)), torch.randint(3, (5,))).backward()
            optimizer.param_groups[0]["lr"] = float("inf") if step == 1 else 0.01
            optimizer.step()
    birth = births.birth
    assert (birth.phase, birth.step, birth.operation) == ("update", 1, "SGD update of fc1.weight")
    assert birth.remark == "found when the next step failed"


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
@pytest.mark.parametrize("accumulated", [1, 2])
def test_a_weight_that_the_code_makes_nan_after_an_update_is_not_the_updates(optimizer, accumulated):
    torch.manual_seed(0)
    model = Net()
    optimizer = optimizer(model.parameters(), lr=0.01)
    with Births(model, optimizer) as births:
        for step in range(4):
            optimizer.zero_grad()
            if step == FAILING:
                with torch.no_grad():
                    model.fc1.weight[0, 0] = float("nan")
            for _ in range(accumulated):
                F.cross_entropy(model(torch.randn(5, 4)), torch.randint(3, (5,))).backward()
            optimizer.step()
    birth = births.birth
    assert (birth.phase, birth.step, birth.operation) == ("forward", FAILING, "parameter")
    assert birth.operands[0].startswith("fc1.weight[0, 0]")


def by_hand(model, on):
    for p in model.parameters():
        p.grad.div_(p.grad.norm() * (0 if on else 1))  # born


def test_gradients_that_the_user_divides_by_zero():
    _, births = train(lambda p: torch.optim.SGD(p, lr=0.01), lambda loss, y, o: loss, by_hand)
    birth = births.birth
    assert (birth.phase, birth.operation, birth.step) == ("update", "Tensor.div_", FAILING)
    assert birth.where.line == line_of(by_hand)
    assert any(text.endswith("= 0") for text in birth.operands)


def replaced(model, on):
    for p in model.parameters():
        p.grad = p.grad / (0 if on else 1)  # born


def test_gradients_that_the_user_replaces():
    _, births = train(lambda p: torch.optim.SGD(p, lr=0.01), lambda loss, y, o: loss, replaced)
    birth = births.birth
    assert (birth.phase, birth.operation) == ("update", "division (/)")
    assert birth.where.line == line_of(replaced)


def test_clipping_an_infinite_gradient():
    def infinite(loss, y, optimizer):
        z = y - y.detach()
        return loss + (z + 1e-35).log().sum() * 1e10  # born

    _, births = train(
        lambda p: torch.optim.SGD(p, lr=0.01),
        infinite,
        lambda model, on: torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0),
    )
    birth = births.birth
    assert birth.phase == "backward"
    assert birth.where.line == line_of(infinite)
