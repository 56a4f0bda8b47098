"""Hugging Face's Trainer with a watch on the digits: one fault each is found, a healthy training has none."""

import warnings

import pytest
import torch
from torch import nn
from trainers_digits import Network, example_of, required, same_bits, samples, state_of

from gradcheck import UnhealthyTraining

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what its own imports warn of
    transformers = required("transformers", "transformers")
    required("accelerate", "transformers")
    from gradcheck.callbacks import transformers as ours
    from gradcheck.callbacks.transformers import WatchCallback

# What the Trainer itself warns of: calls of its own that PyTorch is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore", "error:.*gradcheck")


class Labelled(nn.Module):
    """A model as that Trainer has them: it is given the labels and gives its loss."""

    def __init__(self, fault=""):
        super().__init__()
        self.net = Network(fault)

    def forward(self, x, labels=None):
        logits = self.net(x)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


class Engine(transformers.Trainer):
    """Has the backward made by something else, of which only the gradients can be seen."""

    def training_step(self, model, inputs, num_items_in_batch=None):
        model.train()
        loss = model(**self._prepare_inputs(inputs))["loss"]
        parameters = list(model.parameters())
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        return loss.detach()


def trainer(folder, fault="", watching=None, kind=transformers.Trainer, lr=0.05, **options):
    data = [{"x": x, "labels": y} for x, y in zip(*samples(), strict=True)]
    arguments = transformers.TrainingArguments(
        str(folder),
        **{
            "num_train_epochs": 2,
            "per_device_train_batch_size": 32,
            "per_device_eval_batch_size": 128,
            "optim": "sgd",
            "learning_rate": lr,
            "lr_scheduler_type": "constant",
            "report_to": [],
            "save_strategy": "no",
            "logging_steps": 4,
            "use_cpu": True,
            "disable_tqdm": True,
            **options,
        },
    )
    callbacks = [] if watching is None else [watching]
    return kind(Labelled(fault), arguments, train_dataset=data, eval_dataset=data[:64], callbacks=callbacks)


def codes(report):
    return {finding.code for finding in report.findings if finding.severity != "info"}


def test_a_healthy_training_has_no_symptom_and_prints_its_report(tmp_path, capsys):
    watching = WatchCallback()
    training = trainer(tmp_path, "", watching, eval_strategy="epoch")
    training.train()
    report = watching.report
    assert report.ok
    assert codes(report) == set()
    assert report.watched.steps == 32
    assert report.subject == "Labelled"
    assert report.where.file == __file__
    assert "32 steps watched" in capsys.readouterr().out
    assert state_of(training.model.net) == state_of(Network())
    assert "_compiled_call_impl" not in vars(training.model)


def test_a_dead_layer_is_found(tmp_path):
    watching = WatchCallback(every=1, show=False)
    trainer(tmp_path, "dead", watching).train()
    assert "GC320" in codes(watching.report)


def test_a_learning_rate_too_large_is_found(tmp_path):
    watching = WatchCallback(every=1, show=False)
    trainer(tmp_path, "", watching, lr=100.0).train()
    assert "GC330" in codes(watching.report)


@pytest.mark.parametrize("options", [{}, {"gradient_accumulation_steps": 2}], ids=["clipped", "and accumulated"])
def test_a_birth_in_the_backward_is_told_with_the_users_line_before_the_weights_move(tmp_path, options):
    with WatchCallback(every=1, on="raise", show=False) as watching:
        training = trainer(tmp_path, "born", watching, **options)
        with pytest.raises(UnhealthyTraining, match=r"backward of .*sqrt makes the first (NaN|infinity)"):
            training.train()
    assert all(bool(torch.isfinite(p).all()) for p in training.model.parameters())
    assert state_of(training.model.net) == state_of(Network())
    assert "_compiled_call_impl" not in vars(training.model)
    birth = next(finding for finding in watching.report.findings if finding.code == "GC300")
    assert birth.where.file.endswith("trainers_digits.py")


@pytest.mark.parametrize(
    "options",
    [{}, {"gradient_accumulation_steps": 2, "max_grad_norm": 0.0}, {"bf16": True, "optim": "adamw_torch"}],
    ids=["clipped", "accumulated", "bfloat16, AdamW"],
)
def test_the_training_is_the_same_to_the_bit(tmp_path, options):
    plain = trainer(tmp_path, **options)
    plain.train()
    watching = WatchCallback(every=1, show=False)
    watched = trainer(tmp_path, "", watching, **options)
    watched.train()
    assert same_bits(plain.model, watched.model)
    assert watching.report.watched.steps == (16 if "gradient_accumulation_steps" in options else 32)


def test_an_error_leaves_the_model_as_it_was(tmp_path):
    with WatchCallback(show=False) as watching:
        training = trainer(tmp_path, "fails", watching)
        with pytest.raises(KeyError, match="the data are gone"):
            training.train()
    assert state_of(training.model.net) == state_of(Network())
    assert "_compiled_call_impl" not in vars(training.model)
    assert watching.report.watched.steps == 3


def test_a_training_that_was_left_is_not_watched_on_when_the_next_begins(tmp_path):
    watching = WatchCallback(show=False)
    left = trainer(tmp_path, "fails", watching)
    with pytest.raises(KeyError, match="the data are gone"):
        left.train()
    assert "_compiled_call_impl" in vars(left.model)
    trainer(tmp_path, "", watching).train()
    assert "_compiled_call_impl" not in vars(left.model)
    assert watching.report.watched.steps == 32


def test_the_logged_loss_is_taken_where_no_backward_was_seen(tmp_path):
    watching = WatchCallback(every=1, show=False)
    trainer(tmp_path, "", watching, Engine).train()
    report = watching.report
    assert report.watched.steps == 32
    assert [value is not None for value in report.watched.loss.values].count(True) == 8
    assert report.watched.loss.values[0] == pytest.approx(2.3, abs=0.2)


def test_the_example_runs(tmp_path, capsys):
    made = trainer(tmp_path)
    names = {"transformers": transformers, "model": made.model, "args": made.args, "data": made.train_dataset}
    exec(example_of(ours), names)
    assert "32 steps watched, no symptom above info" in capsys.readouterr().out
