"""Steps of torch optimizers and hand-written torch updates."""

import copy

import pytest
import torch
from torch.nn.functional import cross_entropy

from gradcheck import check_step


class Task:
    """A small classifier with its data; ``train`` makes one step as people write it."""

    def __init__(self, make=torch.optim.SGD, seed=0, dtype=torch.float32, **options):
        torch.manual_seed(seed)
        self.model = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.Linear(6, 3)).to(dtype)
        self.x, self.y = torch.randn(16, 4, dtype=dtype), torch.randint(0, 3, (16,))
        self.optimizer = make(self.model.parameters(), **({"lr": 0.1} | options))

    def loss(self):
        return cross_entropy(self.model(self.x), self.y)

    def train(self):
        self.optimizer.zero_grad()
        self.loss().backward()
        self.optimizer.step()


SETTINGS = [
    {},
    {"momentum": 0.9},
    {"momentum": 0.9, "nesterov": True},
    {"momentum": 0.9, "dampening": 0.1},
    {"weight_decay": 0.01},
    {"momentum": 0.9, "weight_decay": 0.01},
    {"foreach": True},
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("earlier", [0, 3])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_sgd_is_right_with_what_it_is_made_with(settings, earlier, dtype):
    task = Task(dtype=dtype, **settings)
    for _ in range(earlier):
        task.train()
    report = check_step(task.train, params=task.model, loss=task.loss)
    assert report.ok
    assert [u.name for u in report.updates] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert check_step(task.train, params=task.model).ok


def test_a_step_alone_after_backward():
    task = Task()
    task.loss().backward()
    report = check_step(task.optimizer.step)
    assert report.ok
    assert report.style.endswith("the gradients in .grad")
    assert not check_step(task.optimizer.step, lr=0.2).ok


def test_gradients_by_a_callable_that_writes_grad():
    task = Task()

    def gradients():
        task.optimizer.zero_grad()
        task.loss().backward()

    assert check_step(task.optimizer.step, gradients=gradients).ok
    assert check_step(task.optimizer.step, params=task.model, gradients=gradients, lr=0.1).ok


def test_a_hand_written_update():
    w = torch.randn(3, 2, requires_grad=True)
    x = torch.randn(5, 3)

    def loss():
        return (x @ w).square().sum()

    def step():
        w.grad = None
        loss().backward()
        with torch.no_grad():
            w.sub_(0.01 * w.grad)

    def step_with_data():
        w.grad = None
        loss().backward()
        w.data = w.data - 0.01 * w.grad

    for one in (step, step_with_data):
        assert check_step(one, params=w, loss=loss, lr=0.01).ok
        assert check_step(one, params={"w": w}, lr=0.01).ok
        assert not check_step(one, params=[w], loss=loss, lr=0.02).ok


def scheduled_for_another(task):
    other = torch.optim.SGD(copy.deepcopy(task.model).parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.ExponentialLR(other, 0.9)

    def step():
        task.train()
        other.step()
        schedule.step()

    return step


def accumulating(task):
    task.loss().backward()

    def step():
        task.loss().backward()
        task.optimizer.step()

    return step


def clipping(task):
    def step():
        task.optimizer.zero_grad()
        task.loss().backward()
        torch.nn.utils.clip_grad_norm_(task.model.parameters(), 0.05)
        task.optimizer.step()

    return step


def clipping_by_value(task):
    def step():
        task.optimizer.zero_grad()
        task.loss().backward()
        torch.nn.utils.clip_grad_value_(task.model.parameters(), 0.02)
        task.optimizer.step()

    return step


def summed(task):
    def step():
        task.optimizer.zero_grad()
        cross_entropy(task.model(task.x), task.y, reduction="sum").backward()
        task.optimizer.step()

    return step


def twice(task):
    def step():
        task.optimizer.zero_grad()
        task.loss().backward()
        task.optimizer.step()
        task.optimizer.step()

    return step


def of_a_copy(task):
    twin = copy.deepcopy(task.model)
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.1)

    def step():
        task.loss().backward()
        optimizer.step()

    return step


def local_variable(task):
    def step():
        grads = torch.autograd.grad(task.loss(), list(task.model.parameters()))
        with torch.no_grad():
            for parameter, grad in zip(task.model.parameters(), grads, strict=True):
                parameter = parameter - 0.1 * grad

    return step


def uphill(task):
    def step():
        task.optimizer.zero_grad()
        (-task.loss()).backward()
        task.optimizer.step()

    return step


FAULTS = [
    (scheduled_for_another, "GC405", "param_groups[0]['lr'] decays"),
    (accumulating, "GC402", "2 times lr·g"),
    (clipping, "GC408", "norm of 0.05"),
    (clipping_by_value, "GC408", "±0.02"),
    (summed, "GC402", "16 times lr·g"),
    (twice, "GC404", "updated twice"),
    (of_a_copy, "GC403", "did not move"),
    (local_variable, "GC403", "did not move"),
    (uphill, "GC401", "up the gradient"),
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("fault", "code", "words"), FAULTS, ids=[fault.__name__ for fault, *_ in FAULTS])
def test_a_fault_is_named(fault, code, words, seed):
    task = Task(seed=seed)
    report = check_step(fault(task), params=task.model, loss=task.loss, lr=0.1)
    assert not report.ok
    assert code in {f.code for f in report.findings}
    assert any(words in f.title for f in report.findings)


ADAPTIVE = [
    torch.optim.Adam,
    torch.optim.AdamW,
    torch.optim.RMSprop,
    torch.optim.Adagrad,
    torch.optim.NAdam,
    torch.optim.RAdam,
    torch.optim.Adamax,
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("earlier", [0, 2])
@pytest.mark.parametrize("make", ADAPTIVE)
def test_an_adaptive_optimizer_is_held_against_its_own_rule(make, earlier, dtype):
    task = Task(make, lr=0.01, dtype=dtype)
    for _ in range(earlier):
        task.train()
    for options in ({"loss": task.loss}, {}):
        report = check_step(task.train, params=task.model, **options)
        assert report.ok
        assert not report.findings
        assert {u.verdict for u in report.updates} == {"right"}
        assert make.__name__ in report.notes[0]


@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.Adam])
@pytest.mark.parametrize("options", [{}, {"lr": 0.01}])
def test_a_schedule_that_is_used_is_right(make, options):
    task = Task(make, lr=0.01)
    schedule = torch.optim.lr_scheduler.ExponentialLR(task.optimizer, 0.8)

    def step():
        task.train()
        schedule.step()

    assert check_step(step, params=task.model, loss=task.loss, **options).ok


def test_adam_that_maximizes_goes_up_on_purpose():
    task = Task(torch.optim.Adam, lr=0.01, maximize=True)
    assert check_step(task.train, params=task.model, loss=task.loss).ok
    report = check_step(task.train, params=task.model, loss=task.loss, lr=0.01)
    assert [f.code for f in report.findings] == ["GC401"]


@pytest.mark.parametrize("make", [torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop])
def test_a_step_alone_of_an_adaptive_optimizer(make):
    task = Task(make, lr=0.01)
    task.loss().backward()
    assert check_step(task.optimizer.step).ok


def adaptive(fault, dtype=torch.float32):
    task = Task(torch.optim.Adam, lr=0.01, dtype=dtype)
    for _ in range(2):
        task.train()
    return task, fault(task)


def of_another_loss(task):
    def step():
        task.optimizer.zero_grad()
        (task.loss() + 0.1 * task.model[0].weight.square().sum() + task.model[2].weight.sum()).backward()
        task.optimizer.step()

    return step


def decaying_beside(task):
    def step():
        task.train()
        with torch.no_grad():
            for parameter in task.model.parameters():
                parameter *= 0.99

    return step


def never_zeroed(task):
    task.optimizer.zero_grad()

    def step():
        task.loss().backward()
        task.optimizer.step()

    return step


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("fault", "code"),
    [(of_another_loss, "GC409"), (decaying_beside, "GC404"), (uphill, "GC409"), (twice, "GC404"), (of_a_copy, "GC403"),
     (clipping, "GC409"), (never_zeroed, "GC336")],
)  # fmt: skip
def test_a_fault_around_adam_is_seen(fault, code, dtype):
    task, step = adaptive(fault, dtype)
    report = check_step(step, params=task.model, loss=task.loss, lr=0.01)
    assert not report.ok
    assert code in {f.code for f in report.findings}


def test_adam_with_another_rate_than_was_given():
    task = Task(torch.optim.Adam, lr=0.01)
    finding = check_step(task.train, params=task.model, loss=task.loss, lr=0.001).findings[0]
    assert finding.code == "GC402"
    assert "10 times Adam's step" in finding.title


def test_an_optimizer_of_ones_own_is_held_against_the_rule_that_it_follows():
    class Mine(torch.optim.Adam):
        pass

    report = check_step((task := Task(Mine, lr=0.01)).train, params=task.model, loss=task.loss)
    assert {u.verdict for u in report.updates} == {"right"}
    assert any("judged by what Adam (β1 = 0.9, β2 = 0.999, ε = 1e-08) does" in note for note in report.notes)


def test_an_optimizer_of_ones_own_with_settings_of_its_own_is_fitted_over_several_steps():
    class Mine(torch.optim.Adam):
        def __init__(self, parameters, lr):
            super().__init__(parameters, lr, betas=(0.37, 0.73))

    report = check_step((task := Task(Mine, lr=0.01)).train, params=task.model, loss=task.loss)
    assert {u.verdict for u in report.updates} == {"right"}
    assert any("judged by what Adam (likely β1 = 0.37, β2 = 0.73" in note for note in report.notes)
    report = check_step((task := Task(Mine, lr=0.01)).train, params=task.model, loss=task.loss, steps=1)
    assert {u.verdict for u in report.updates} == {"undecided"}
    assert {(f.code, f.severity) for f in report.findings} == {("GC409", "info")}
    assert not report.ok


def test_an_optimizer_that_maximizes():
    task = Task(maximize=True)
    finding = check_step(task.train, params=task.model, lr=0.1).findings[0]
    assert finding.code == "GC401"
    assert "maximize=True" in finding.help[0]
    report = check_step(task.train, params=task.model)  # it is what the optimizer says
    assert report.ok
    assert any("maximize=True" in note for note in report.notes)


def test_a_parameter_that_the_optimizer_does_not_have():
    task = Task()
    task.optimizer = torch.optim.SGD(task.model[0].parameters(), lr=0.1)
    report = check_step(task.train, params=task.model, loss=task.loss, lr=0.1)
    assert [f.code for f in report.findings] == ["GC403"]
    assert report.findings[0].title == "2.weight and 2.bias did not move"


def test_groups_with_rates_of_their_own():
    task = Task()
    groups = [{"params": task.model[0].parameters(), "lr": 0.05}, {"params": task.model[2].parameters()}]
    task.optimizer = torch.optim.SGD(groups, lr=0.2)
    report = check_step(task.train, params=task.model, loss=task.loss)
    assert report.ok
    assert [u.wanted_lr for u in report.updates] == [0.05, 0.05, 0.2, 0.2]


def test_frozen_parameters_are_not_asked_for():
    task = Task()
    task.model[0].requires_grad_(False)
    report = check_step(task.train, params=task.model, loss=task.loss)
    assert report.ok
    assert [u.verdict for u in report.updates] == ["right", "right", "not differentiated", "not differentiated"]


@pytest.mark.parametrize("seed", range(3))
def test_a_bias_before_batch_normalisation_has_no_gradient_but_rounding(seed):
    task = Task(seed=seed)
    task.model.insert(1, torch.nn.BatchNorm1d(6))
    task.optimizer = torch.optim.SGD(task.model.parameters(), lr=0.1)
    report = check_step(task.train, params=task.model, loss=task.loss)
    assert report.ok
    assert {u.name: u.verdict for u in report.updates}["0.weight"] == "right"


def test_dropout_is_the_same_in_the_loss_and_in_the_step():
    task = Task()
    task.model.insert(1, torch.nn.Dropout(0.5))
    assert check_step(task.train, params=task.model, loss=task.loss).ok


@pytest.mark.parametrize("rate", [1.0, 1e-5])
def test_bfloat16_weights(rate):
    task = Task(dtype=torch.bfloat16, lr=rate)
    report = check_step(task.train, params=task.model)
    if rate == 1.0:
        assert report.ok
    else:
        assert "lost in the rounding of bfloat16" in report.findings[0].cause[0]


def test_the_closure_of_a_scaled_and_unscaled_loss():
    task = Task()
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)

    def step():
        task.optimizer.zero_grad()
        scaler.scale(task.loss()).backward()
        scaler.step(task.optimizer)
        scaler.update()

    assert check_step(step, params=task.model, loss=task.loss).ok
    assert scaler.get_scale() == 8.0
    assert not scaler._per_optimizer_states
