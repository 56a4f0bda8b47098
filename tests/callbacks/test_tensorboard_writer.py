"""What a watch measures and finds, as TensorBoard reads it from the folder."""

import sys
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from trainers_digits import Network, example_of, required, same_bits, samples

from gradcheck import GradcheckError, UnhealthyTraining, watch
from gradcheck.callbacks import tensorboard
from gradcheck.callbacks.tensorboard import TensorBoardWriter


class Memory:
    """Takes what a SummaryWriter takes."""

    def __init__(self):
        self.scalars, self.texts, self.flushed, self.closed = {}, [], 0, 0

    def add_scalar(self, tag, scalar_value, global_step=None):
        self.scalars.setdefault(tag, {})[global_step] = scalar_value

    def add_text(self, tag, text_string, global_step=None):
        self.texts.append((tag, text_string, global_step))

    def flush(self):
        self.flushed += 1

    def close(self):
        self.closed += 1


def train(fault="", steps=12, lr=0.05, **options):
    """The model, trained under watch with a writer; with None in its place not watched."""
    model = Network(fault)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    x, y = samples()

    def loop():
        for k in range(steps):
            optimizer.zero_grad()
            rows = slice(32 * k % 512, 32 * k % 512 + 32)
            nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()

    if options.get("callback", ...) is None:
        loop()
    else:
        with watch(model, optimizer, every=1, **options):
            loop()
    return model


def test_every_layer_and_parameter_has_its_numbers():
    memory, seen = Memory(), []
    writer = TensorBoardWriter(memory, under="net")
    train(callback=writer)
    train(callback=seen.append)
    assert set(memory.scalars["net_loss"]) == set(range(12))
    for sample in seen:
        for layer in sample.layers:
            assert memory.scalars[f"net_activation_rms/{layer.name}"][sample.step] == layer.activation.rms
            assert memory.scalars[f"net_gradient_rms/{layer.name}"][sample.step] == layer.gradient.rms
        for parameter in sample.parameters:
            scalars = {kind: memory.scalars[f"net_{kind}/{parameter.name}"][sample.step] for kind in KINDS}
            assert scalars == {
                "weight_rms": parameter.weight.rms,
                "gradient_norm": parameter.gradient.norm,
                "update_ratio": parameter.update.norm / parameter.weight.norm,
            }
    assert 0 < memory.scalars["net_zeros/layers.1"][0] < 1
    assert (memory.flushed, memory.closed) == (1, 0)  # it is the user's
    assert [tag for tag, *_ in memory.texts] == ["net/report"]
    assert "12 steps watched, no symptom" in memory.texts[0][1]


KINDS = "weight_rms", "gradient_norm", "update_ratio"


def test_a_finding_is_a_text_at_the_step_at_which_it_is_made():
    memory = Memory()
    train("born", callback=TensorBoardWriter(memory))
    (birth,) = [text for text in memory.texts if text[0] == "gradcheck_findings/GC300"]
    assert birth[2] == 5
    assert birth[1].startswith("**error** backward of Tensor.sqrt makes the first infinity")
    assert "*help* " in birth[1]
    assert np.isnan(memory.scalars["gradcheck_gradient_norm/layers.5.bias"][5])


@pytest.mark.parametrize("stream", [False, True])
def test_what_stops_the_training_is_written(tmp_path, stream):
    memory = Memory()
    options = {"stream": tmp_path / "run.jsonl"} if stream else {}
    with pytest.raises(UnhealthyTraining):
        train("born", callback=TensorBoardWriter(memory), on="raise", **options)
    assert [tag for tag, *_ in memory.texts] == ["gradcheck_findings/GC300", "gradcheck/report"]
    assert memory.flushed == 1


def test_a_numpy_network_is_written_too():
    class Net:
        def __init__(self):
            rng = np.random.default_rng(0)
            self.w = rng.normal(size=(64, 10)) / 8

        def train_step(self, x, y):
            logits = x @ self.w
            p = np.exp(logits - logits.max(axis=1, keepdims=True))
            p /= p.sum(axis=1, keepdims=True)
            loss = -np.log(p[np.arange(len(y)), y]).mean()
            p[np.arange(len(y)), y] -= 1
            self.w -= 0.1 * (x.T @ (p / len(y)))
            return loss

    x, y = (tensor.numpy().astype(kind) for tensor, kind in zip(samples(), (float, int), strict=True))
    memory, net = Memory(), Net()
    with watch(net, every=1, callback=TensorBoardWriter(memory)) as health:
        for _ in range(5):
            health.step(loss=net.train_step(x, y))
    assert len(memory.scalars["gradcheck_loss"]) == 5
    assert "gradcheck_update_ratio/w" in memory.scalars


def test_what_is_no_writer_is_refused():
    with pytest.raises(GradcheckError, match="to: a folder or a SummaryWriter, which has add_scalar and add_text, not"):
        TensorBoardWriter(3)


def test_without_tensorboard_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match=r'tensorboard, which is not installed: pip install "gradcheck\[tensorboard'):
        TensorBoardWriter(tmp_path)


@pytest.fixture
def read():
    """Reads scalars and texts of a folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what its own imports warn of
        accumulator = required("tensorboard.backend.event_processing.event_accumulator", "tensorboard")

    def of(folder):
        events = accumulator.EventAccumulator(str(folder))
        events.Reload()
        scalars = {tag: {e.step: e.value for e in events.Scalars(tag)} for tag in events.Tags()["scalars"]}
        texts = {tag: events.Tensors(tag)[0].tensor_proto.string_val[0].decode() for tag in events.Tags()["tensors"]}
        return scalars, texts

    return of


@pytest.mark.filterwarnings("ignore", "error:.*gradcheck")  # its protocol buffers warn
def test_tensorboard_reads_what_was_written_to_a_folder(tmp_path, read):
    memory = Memory()
    train("born", callback=TensorBoardWriter(tmp_path / "run"))
    train("born", callback=TensorBoardWriter(memory))
    scalars, texts = read(tmp_path / "run")
    assert set(scalars) == set(memory.scalars)
    for tag, values in memory.scalars.items():
        assert scalars[tag] == pytest.approx(values, rel=1e-6, nan_ok=True)
    assert "makes the first infinity" in texts["gradcheck_findings/GC300/text_summary"]
    assert "12 steps" in texts["gradcheck/report/text_summary"]


@pytest.mark.filterwarnings("ignore", "error:.*gradcheck")
def test_the_training_is_the_same_to_the_bit(tmp_path, read):
    assert same_bits(train(callback=TensorBoardWriter(tmp_path)), train(callback=None))


@pytest.mark.filterwarnings("ignore", "error:.*gradcheck")
def test_the_example_runs(tmp_path, read, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = Network()

    def train(model, optimizer):
        for _ in range(3):
            model(samples()[0]).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    exec(example_of(tensorboard), {"model": model, "optimizer": optimizer, "train": train})
    scalars, _ = read(tmp_path / "runs" / "first")
    assert set(scalars["gradcheck_loss"]) == {0, 1, 2}
