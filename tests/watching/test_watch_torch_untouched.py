"""The training, and the model, are what they would be without the watch."""

import copy
import io
import pickle
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks
from torch_watched import Net, data, stepper

from gradcheck import GradcheckError, UnhealthyTraining, watch


def trained(watched, make=Net, steps=7, **options):
    torch.manual_seed(3)
    model = make()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    step = stepper(model, optimizer)
    if watched:
        with watch(model, optimizer, **options):
            losses = [step() for _ in range(steps)]
    else:
        losses = [step() for _ in range(steps)]
    return losses, model.state_dict(), torch.random.get_rng_state()


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(6, 8)
        self.blocks = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2, enable_nested_tensor=False
        )
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.blocks(self.embed(x)[:, None])[:, 0])


@pytest.mark.parametrize("make", [Net, Attending])
@pytest.mark.parametrize("every", [None, 1, 3, 10**6])
def test_a_training_gives_the_same_bits(make, every):
    plain, watched = trained(False, make), trained(True, make, every=every)
    assert all(torch.equal(a, b) for a, b in zip(plain[0], watched[0], strict=True))
    assert all(torch.equal(plain[1][name], watched[1][name]) for name in plain[1])
    assert torch.equal(plain[2], watched[2])


def test_a_validation_inside_gives_the_same_bits():
    torch.manual_seed(0)
    model = Attending()
    x, _ = data()
    with torch.no_grad():
        before = model.eval()(x)
        with watch(model):
            within = model(x)
    assert torch.equal(before, within)  # PyTorch's attention has other code for modules that are looked into


def everything(model):
    return {name: dict(vars(m)) for name, m in model.named_modules()}


def hooks():
    return (
        list(_global_optimizer_pre_hooks),
        list(_global_optimizer_post_hooks),
        torch._C._len_torch_function_stack(),
        torch.Tensor.backward,
        torch.autograd.Function.apply,
    )


class Failing(torch.optim.SGD):
    fails = False

    def step(self, closure=None):
        if self.fails:
            raise RuntimeError("out of memory")
        return super().step(closure)


@pytest.mark.parametrize("ends", ["well", "error in the loop", "error in the forward", "error in the optimizer"])
def test_everything_is_put_back(ends):
    model = Net()
    optimizer = Failing(model.parameters(), lr=0.1)
    step = stepper(model, optimizer)
    step()
    optimizer.zero_grad()
    before, others = everything(model), hooks()

    def break_off():
        with watch(model, optimizer, every=1):
            step()
            optimizer.zero_grad()
            if ends == "error in the loop":
                raise KeyError(ends)
            if ends == "error in the forward":
                model(torch.ones(2, 7))
            if ends == "error in the optimizer":
                optimizer.fails = True
                step()

    if ends == "well":
        break_off()
    else:
        with pytest.raises((KeyError, RuntimeError, TypeError)):
            break_off()
    optimizer.zero_grad()
    after = everything(model)
    assert {n: set(v) for n, v in before.items()} == {n: set(v) for n, v in after.items()}
    for name, values in before.items():
        for key, value in values.items():
            assert after[name][key] is value
    assert hooks() == others


def test_copies_and_pickles_made_during_the_watch_know_nothing_of_it():
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    step = stepper(model, optimizer)
    plain = set(vars(copy.deepcopy(model)))
    x, _ = data()
    with watch(model, optimizer, every=1):
        step()
        made = [copy.deepcopy(model), copy.copy(model), pickle.loads(pickle.dumps(model))]
        text = pickle.dumps(model)
        file = io.BytesIO()
        torch.save(model.state_dict(), file)
        copy.deepcopy(optimizer), pickle.dumps(optimizer)
        state = model.state_dict()
    assert b"gradcheck" not in text.replace(b"gradcheck/tests", b"")
    assert list(state) == list(model.state_dict())
    model.eval()
    for other in made:
        assert set(vars(other)) == plain
        assert all(
            set(vars(part)) == set(vars(own)) for part, own in zip(other.modules(), model.modules(), strict=True)
        )
        assert torch.equal(other.eval()(x), model(x))


class Copying(nn.Linear):
    """A module that copies its attributes by itself."""

    def __deepcopy__(self, memo):
        made = type(self)(self.in_features, self.out_features)
        made.__dict__.update(copy.deepcopy(dict(vars(self)), memo))
        return made

    def __reduce__(self):
        return _made, (dict(vars(self)),)


def _made(attributes):
    made = Copying(6, 3)
    made.__dict__.update(attributes)
    return made


def test_a_module_that_copies_itself_is_not_tied_to_the_watch():
    model = Copying(6, 3)
    x, _ = data()
    with watch(model, every=1):
        made = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    for other in made:
        assert torch.equal(other(x), model(x))


def test_tensors_of_the_user_carry_no_hooks():
    seen = []

    class Keeping(nn.Sequential):
        def forward(self, x):
            for module in self:
                x = module(x)
                seen.append(x)
            return x

    model = Keeping(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 3))
    with watch(model, every=1):
        stepper(model, torch.optim.SGD(model.parameters(), lr=0.1))()
    assert all(not x._backward_hooks for x in seen)


@pytest.mark.parametrize("outer", ["device", "mode"])
def test_the_users_own_function_modes_are_left_in_order(outer):
    class Counting(torch.overrides.TorchFunctionMode):
        calls = 0

        def __torch_function__(self, func, types, args=(), kwargs=None):
            self.calls += 1
            return func(*args, **(kwargs or {}))

    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = data()
    depth = torch._C._len_torch_function_stack()
    with watch(model, optimizer, every=2) as health:
        for _ in range(4):
            with torch.device("cpu") if outer == "device" else Counting() as mode:
                loss = nn.functional.cross_entropy(model(x), y)
                inside = torch._C._len_torch_function_stack()
            optimizer.zero_grad()
            loss.backward()
            with torch.device("cpu") if outer == "device" else Counting():
                optimizer.step()
            assert inside == depth + 2
            assert torch._C._len_torch_function_stack() - depth in (0, 1)  # between steps there is nothing to hear
        assert outer == "device" or mode.calls
    assert torch._C._len_torch_function_stack() == depth
    assert health.report().watched.steps == 4


def test_hooks_of_the_user_run_and_can_be_removed():
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    step = stepper(model, optimizer)
    calls = []
    before = model.last.register_forward_hook(lambda *_: calls.append("before"))
    with watch(model, optimizer, every=1):
        within = model.last.register_forward_hook(lambda *_: calls.append("within"))
        step()
        before.remove()
        step()
    step()
    within.remove()
    step()
    assert calls == ["before", "within", "within", "within"]


def test_an_error_stops_the_training_in_the_users_own_call():
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    with torch.no_grad():
        model[2].bias[1] = float("nan")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    step = stepper(model, optimizer)
    steps = 0

    def train():
        nonlocal steps
        with watch(model, optimizer, on="raise"):
            while True:
                step()
                steps += 1

    with pytest.raises(UnhealthyTraining) as caught:
        train()
    assert steps == 0
    assert not caught.value.report.ok
    assert torch._C._len_torch_function_stack() == 0
    step()


@pytest.mark.parametrize(
    ("arguments", "options", "says"),
    [
        ((nn.Linear,), {}, "model: the class Linear"),
        ((None,), {}, "model: an object of type NoneType"),
        (([nn.Linear(2, 2), nn.Linear(2, 2)],), {}, "give one module that holds them all"),
        (((nn.Linear(2, 2),), []), {}, "with torch.nn.Modules in it"),
        (({"net": nn.Linear(2, 2)},), {}, "with torch.nn.Modules in it"),
        ((SimpleNamespace(net=nn.Linear(2, 2), lr=0.1),), {}, "with torch.nn.Modules in it"),
        (([torch.ones(3)],), {}, "with torch.Tensors in it"),
        ((nn.Linear(2, 2).parameters(),), {}, "with a module's parameters"),
        ((torch.ones(3),), {}, "model: an object of type Tensor"),
        ((nn.Linear(2, 2), "sgd"), {}, "optimizer: a torch.optim.Optimizer"),
        ((nn.Linear(2, 2), torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=1)), {}, "none of the model's parameters"),
        ((torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=1), nn.Linear(2, 2)), {}, "model: an optimizer"),
        ((nn.Linear(2, 2),), {"every": 0}, "every: "),
        ((nn.Linear(2, 2),), {"every": True}, "every: "),
        ((nn.Linear(2, 2),), {"on": "stop"}, "on: "),
        ((nn.Linear(2, 2),), {"callback": 3}, "callback: "),
        ((nn.Linear(2, 2),), {"name": 3}, "name: "),
        ((nn.Linear(2, 2), None, 3), {}, "one list"),
    ],
)
def test_wrong_arguments_are_named(arguments, options, says):
    with pytest.raises(GradcheckError, match=says):
        watch(*arguments, **options)
