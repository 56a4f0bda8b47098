"""Lightning's Trainer with a watch on the digits: one fault each is found, a healthy training has none."""

import importlib
import warnings

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from trainers_digits import Network, example_of, required, same_bits, samples, state_of

from gradcheck import GradcheckError, UnhealthyTraining

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what its own imports warn of
    required("lightning.pytorch", "lightning")
    required("pytorch_lightning", "lightning")  # lightning brings it along
    from gradcheck.callbacks import lightning, pytorch_lightning
    from gradcheck.callbacks.lightning import WatchCallback

# Lightning itself warns: of few workers, and of calls of its own that PyTorch is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore", "error:.*gradcheck")
NAMES = ["lightning.pytorch", "pytorch_lightning"]


def classifier(pl, fault="", lr=0.05, calls="self.net(x)", manual=False):
    class Classifier(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = Network(fault)
            self.automatic_optimization = not manual

        def forward(self, x):
            return self.net(x)

        def training_step(self, batch, index):
            x, y = batch
            out = {"self(x)": self, "self.net(x)": self.net}[calls](x)
            loss = nn.functional.cross_entropy(out, y)
            self.log("loss", loss)
            if manual:
                optimizer = self.optimizers()
                optimizer.zero_grad()
                self.manual_backward(loss)
                optimizer.step()
            return loss

        def validation_step(self, batch, index):
            self.log("val_loss", nn.functional.cross_entropy(self(batch[0]), batch[1]))

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=lr, momentum=0.9)

    return Classifier()


def fit(fault="", watching=None, name=NAMES[0], epochs=2, validate=False, options=None, **made):
    """The trained model."""
    pl = importlib.import_module(name)
    model = classifier(pl, fault, **made)
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        callbacks=[] if watching is None else [watching],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **(options or {}),
    )
    torch.manual_seed(1)
    loader = DataLoader(TensorDataset(*samples()), batch_size=32, shuffle=True)
    try:
        trainer.fit(model, loader, loader if validate else None)
    finally:
        fit.model = model
    return model


@pytest.mark.parametrize("name", NAMES)
def test_a_healthy_training_has_no_symptom_and_prints_its_report(name, capsys):
    kind = WatchCallback if name == NAMES[0] else pytorch_lightning.WatchCallback
    watching = kind()
    model = fit(watching=watching, name=name, validate=True)
    report = watching.report
    assert report.ok
    assert {finding.severity for finding in report.findings} <= {"info"}
    assert report.watched.steps == 32
    assert report.subject == "Classifier.net"
    assert report.where.file == __file__
    assert report.where.source == "kind()"
    assert "32 steps watched" in capsys.readouterr().out
    assert state_of(model.net) == state_of(Network())
    assert "_compiled_call_impl" not in vars(model)


@pytest.mark.parametrize("calls", ["self(x)", "self.net(x)"])
@pytest.mark.parametrize(
    ("fault", "codes"), [("dead", {"GC320"}), ("born", {"GC300"})], ids=["a dead ReLU", "an infinite derivative"]
)
def test_a_fault_is_found(fault, codes, calls):
    watching = WatchCallback(every=1, show=False)
    fit(fault, watching, calls=calls)
    found = {finding.code for finding in watching.report.findings if finding.severity != "info"}
    assert codes <= found


def test_a_learning_rate_too_large_is_found():
    watching = WatchCallback(every=1, show=False)
    fit("", watching, lr=30.0)
    found = {finding.code for finding in watching.report.findings if finding.severity != "info"}
    assert "GC330" in found


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"gradient_clip_val": 0.5},
        {"accumulate_grad_batches": 2, "gradient_clip_val": 0.1, "gradient_clip_algorithm": "value"},
    ],
    ids=["plain", "clipped by norm", "accumulated, clipped by value"],
)
def test_a_birth_in_the_backward_is_told_with_the_users_line_before_the_weights_move(options):
    watching = WatchCallback(every=1, on="raise", show=False)
    with pytest.raises(UnhealthyTraining, match=r"backward of .*sqrt makes the first (NaN|infinity)"):
        fit("born", watching, options=options)
    model = fit.model
    assert all(bool(torch.isfinite(p).all()) for p in model.parameters())
    assert state_of(model.net) == state_of(Network())
    birth = next(finding for finding in watching.report.findings if finding.code == "GC300")
    assert birth.where.file.endswith("trainers_digits.py")
    assert "sqrt()" in birth.where.source


@pytest.mark.parametrize(
    ("made", "options"),
    [
        ({}, {}),
        ({"manual": True}, {}),
        ({}, {"gradient_clip_val": 0.5, "accumulate_grad_batches": 2}),
        ({}, {"precision": "bf16-mixed"}),
    ],
    ids=["automatic", "manual", "clipped and accumulated", "bfloat16"],
)
def test_the_training_is_the_same_to_the_bit(made, options):
    plain = fit(options=options, **made)
    watching = WatchCallback(every=1, show=False)
    watched = fit(watching=watching, options=options, **made)
    assert same_bits(plain, watched)
    assert watching.report.watched.steps == (16 if "accumulate_grad_batches" in options else 32)
    assert watching.report.watched.sampled == watching.report.watched.steps


def test_accumulated_gradients_are_those_that_the_step_takes():
    samples_seen = []
    watching = WatchCallback(every=1, show=False, callback=samples_seen.append)
    fit("", watching, options={"accumulate_grad_batches": 4}, epochs=1, lr=0.1)
    first = samples_seen[0]  # momentum has no history yet
    for parameter in first.parameters:
        assert parameter.update.norm == pytest.approx(0.1 * parameter.gradient.norm, rel=1e-3, abs=1e-7)
    assert first.samples == 128


def test_an_error_leaves_the_model_as_it_was():
    watching = WatchCallback(show=False)
    with pytest.raises(KeyError, match="the data are gone"):
        fit("fails", watching)
    assert state_of(fit.model.net) == state_of(Network())
    assert watching.report.watched.steps == 3


def test_a_callback_serves_one_training_after_another():
    watching = WatchCallback(show=False)
    fit("dead", watching)
    first = watching.report
    fit("", watching)
    assert not first.ok or any(finding.severity != "info" for finding in first.findings)
    assert watching.report.ok


def test_the_part_to_watch_can_be_named():
    watching = WatchCallback(show=False, module="net.layers", name="the layers")
    fit("", watching, epochs=1)
    assert watching.report.subject == "the layers"
    assert [layer.name for layer in watching.report.watched.layers][:2] == ["0", "1"]


def test_a_part_that_is_not_there_is_refused():
    with pytest.raises(GradcheckError, match=r"module: Classifier has no submodule 'model'; it has net, net\.layers, "):
        fit("", WatchCallback(module="model"))


def test_without_a_training_there_is_no_report():
    with pytest.raises(GradcheckError, match="report: no training has begun yet"):
        _ = WatchCallback().report


def test_parts_that_are_called_one_by_one_are_watched_as_one():
    pl = importlib.import_module(NAMES[0])

    class Both(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.encoder, self.head = nn.Linear(64, 16), nn.Linear(16, 10)

        def training_step(self, batch, index):
            x, y = batch
            return nn.functional.cross_entropy(self.head(self.encoder(x).relu()), y)

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=1e-3)

    watching = WatchCallback(show=False)
    trainer = pl.Trainer(
        accelerator="cpu", max_epochs=1, callbacks=[watching], logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(Both(), DataLoader(TensorDataset(*samples()), batch_size=32))
    report = watching.report
    assert report.subject == "Both"
    assert [layer.name for layer in report.watched.layers] == ["encoder", "head"]
    assert "itself was not called, only parts of it" in report.watched.unseen[0]


@pytest.mark.parametrize(("module", "name"), [(lightning, NAMES[0]), (pytorch_lightning, NAMES[1])])
def test_the_example_runs(module, name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pl = importlib.import_module(name)
    loader = DataLoader(TensorDataset(*samples()), batch_size=32)
    exec(example_of(module), {name.partition(".")[0]: pl, "model": classifier(pl), "loader": loader})
    assert "48 steps watched, no symptom above info" in capsys.readouterr().out
