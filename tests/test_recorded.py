"""Gradients that another program wrote down: right ones pass, wrong ones are named, and what is missing is said."""

import random
import re

import numpy as np
import pytest
import torch

from gradcheck import GradcheckError, check_recorded

LAYOUTS = {
    "axes reversed": lambda a, activation: np.ascontiguousarray(a.T),
    "column-major": lambda a, activation: a.ravel(order="F").reshape(a.shape),
    "batch last": lambda a, activation: np.ascontiguousarray(np.moveaxis(a, 0, -1)) if activation else a,
}


def linear(x, w, b):
    return x @ w + b


def arrays(dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    x, w, b, dout = (rng.normal(size=shape).astype(dtype) for shape in ((6, 4), (4, 3), (3,), (6, 3)))
    return {
        "x": x,
        "w": w,
        "b": b,
        "dout": dout,
        "out": x @ w + b,
        "dx": dout @ w.T,
        "dw": x.T @ dout,
        "db": dout.sum(axis=0),
    }


def chain(seed=0):
    rng = np.random.default_rng(seed)
    one = arrays(seed=seed)
    da = rng.normal(size=(6, 3))
    one["dout"] = da * (one["out"] > 0)
    one |= {"dx": one["dout"] @ one["w"].T, "dw": one["x"].T @ one["dout"], "db": one["dout"].sum(axis=0)}
    relu = {"x": one["out"], "dout": da, "dx": one["dout"], "out": np.maximum(one["out"], 0)}
    return {f"fc.{k}": v for k, v in one.items()} | {f"relu.{k}": v for k, v in relu.items()}


REFERENCES = {"fc": linear, "relu": lambda x: torch.relu(x)}


def saved(kind, recorded, folder):
    if kind == "dict":
        return recorded
    if kind == "npz":
        np.savez(folder / "dump.npz", **recorded)
        return folder / "dump.npz"
    if kind == "safetensors":
        from safetensors.numpy import save_file

        save_file(recorded, folder / "dump.safetensors")
        return str(folder / "dump.safetensors")
    for name, array in recorded.items():
        np.save(folder / f"{name}.npy", array)
    return folder


@pytest.mark.parametrize("kind", ["dict", "npz", "folder", "safetensors"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_right_gradients_pass_from_every_kind_of_file(kind, dtype, tmp_path):
    report = check_recorded(saved(kind, arrays(dtype), tmp_path), linear)
    assert report.ok
    assert [(g.name, g.verdict) for g in report.gradients] == [("dx", "right"), ("dw", "right"), ("db", "right")]
    assert report.findings == ()


def test_bfloat16_is_read_from_safetensors(tmp_path):
    from safetensors.torch import save_file

    recorded = {
        k: torch.from_numpy(v).bfloat16() for k, v in arrays(np.float32).items() if k in ("x", "w", "b", "dout")
    }
    x, dout = recorded["x"].float(), recorded["dout"].float()
    recorded["dw"] = x.T @ dout
    save_file({k: v.contiguous() for k, v in recorded.items()}, tmp_path / "d.safetensors")
    report = check_recorded(tmp_path / "d.safetensors", linear)
    assert [(g.name, g.verdict) for g in report.gradients if g.verdict != "not differentiated"] == [("dw", "right")]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("spoil", "gradient", "code"),
    [
        (lambda r: r.update(db=r["db"] / 6), "db", "GC201"),
        (lambda r: r.update(dw=-r["dw"]), "dw", "GC202"),
        (lambda r: r.update(dx=np.zeros_like(r["dx"])), "dx", ""),
        (lambda r: r.update(dw=r["dw"][::-1].copy()), "dw", "GC204"),
        (lambda r: r["dw"].__setitem__((2, 1), 2 * r["dw"][2, 1]), "dw", ""),
    ],
    ids=["mean", "sign", "zero", "flipped", "one entry"],
)
def test_wrong_gradients_fail_and_say_why(spoil, gradient, code, seed):
    recorded = arrays(seed=seed)
    spoil(recorded)
    report = check_recorded(recorded, linear)
    assert [g.name for g in report.gradients if g.verdict == "wrong"] == [gradient]
    assert code in "".join(f.code for f in report.findings)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("stated", [True, False])
def test_other_layouts_are_stated_or_found(layout, stated):
    recorded = {k: LAYOUTS[layout](v, k in ("x", "dx", "out", "dout")) for k, v in arrays().items()}
    report = check_recorded(recorded, linear, layout=layout if stated else None)
    assert report.ok
    assert any(note.startswith(f"layout: {layout}") for note in report.notes)
    assert any(("as you said" in note) == stated for note in report.notes)


def test_a_layout_that_cannot_be_found_is_not_guessed_in_silence():
    rng = np.random.default_rng(0)
    x, w, dout = (rng.normal(size=(3, 3)) for _ in range(3))
    report = check_recorded({"x": x, "w": w, "dout": dout, "dw": x.T @ dout, "dx": dout @ w.T}, lambda x, w: x @ w)
    assert report.ok
    [note] = [n for n in report.notes if n.startswith("layout")]
    assert "as recorded; axes reversed or batch last would fit the shapes as well" in note
    assert "record the output as out" in note
    out = x @ w + 1
    other = check_recorded({"x": x, "w": w, "dout": dout, "dw": x.T @ dout, "out": out}, lambda x, w: x @ w)
    [note] = [n for n in other.notes if n.startswith("layout")]
    assert "would fit the shapes as well, and with none is the output the recorded one" in note
    assert "record the output" not in note


def test_another_output_is_an_error_of_its_own():
    recorded = arrays()
    recorded["out"] = 2 * recorded["out"]
    report = check_recorded(recorded, linear)
    assert not report.ok
    [found] = [f for f in report.findings if f.code == "GC120"]
    assert "the recorded output and the reference's differ by 1.0e+00" in found.title


def test_a_module_brings_its_parameters_by_name():
    r = arrays()
    module = torch.nn.Linear(4, 3, dtype=torch.float64)
    recorded = {"input": r["x"], "weight": r["w"].T, "bias": r["b"], "dout": r["dout"], "out": r["out"]}
    recorded |= {"grad_weight": r["dw"].T, "grad_bias": r["db"], "grad_input": r["dx"]}
    assert check_recorded(recorded, module).ok
    recorded["grad_bias"] = r["db"] * 2
    assert [g.name for g in check_recorded(recorded, module).gradients if g.verdict == "wrong"] == ["dbias"]


def test_a_reference_in_numpy_gives_the_line():
    def layer(x, w):
        h = x @ w
        return np.maximum(h, 0)

    r = arrays()
    report = check_recorded({"x": r["x"], "w": r["w"], "dout": r["dout"], "dw": r["x"].T @ r["dout"]}, layer)
    [cause] = [f for f in report.findings if f.code.startswith("GC2")]
    assert cause.where is not None
    assert cause.where.source == "return np.maximum(h, 0)"


def test_a_loss_needs_no_upstream_gradient():
    rng = np.random.default_rng(0)
    p, y = rng.normal(size=(5, 3)), np.array([0, 2, 1, 1, 0])
    true = torch.autograd.functional.jacobian(
        lambda t: torch.nn.functional.cross_entropy(t, torch.from_numpy(y)), torch.from_numpy(p)
    )
    recorded = {"logits": p, "labels": y, "dlogits": true.numpy()}
    reference = lambda logits, labels: torch.nn.functional.cross_entropy(logits, labels)  # noqa: E731
    assert check_recorded(recorded, reference).ok
    recorded["dlogits"] = recorded["dlogits"] * 5
    assert not check_recorded(recorded, reference).ok


def test_a_chain_is_judged_layer_by_layer():
    recorded = chain()
    assert check_recorded(recorded, REFERENCES).ok
    recorded["fc.dw"] = recorded["fc.dw"] / 6
    report = check_recorded(recorded, REFERENCES)
    assert [(g.layer, g.name) for g in report.gradients if g.verdict == "wrong"] == [("fc", "dw")]


def test_links_of_a_chain_that_do_not_hold():
    recorded = chain()
    recorded["fc.dout"] = recorded["fc.dout"] / 6
    for key in ("dx", "dw", "db"):
        recorded[f"fc.{key}"] = recorded[f"fc.{key}"] / 6
    report = check_recorded(recorded, REFERENCES)
    assert {g.verdict for g in report.gradients} == {"right"}
    [found] = report.findings
    assert (found.code, found.severity) == ("GC121", "error")
    assert found.title.startswith("fc.dout and relu.dx are not the same array")
    assert not report.ok


def test_names_may_be_anything():
    r = arrays()
    recorded = {"a0": r["x"], "fc.weight": r["w"], "fc.bias": r["b"], "delta1": r["dout"], "fc.weight.g": r["dw"]}
    told = {"x": "a0", "w": "fc.weight", "b": "fc.bias", "dout": "delta1", "dw": "fc.weight.g"}
    report = check_recorded(recorded, linear, names=told)
    assert [g.name for g in report.gradients if g.verdict == "right"] == ["dw"]


def without(*names):
    return {k: v for k, v in arrays().items() if k not in names}


@pytest.mark.parametrize(
    ("source", "reference", "options", "phrase"),
    [
        ({}, linear, {}, "source: a dict of arrays holds no arrays; write the inputs"),
        (3, linear, {}, "source: it is int; give a .npz file, a folder of .npy files"),
        ("nowhere.npz", linear, {}, "source: there is no 'nowhere.npz'"),
        (without("x"), linear, {}, "source: the reference takes 'x', which is not recorded"),
        (
            without("dx", "dw", "db"),
            linear,
            {},
            "source: no gradient of x or w or b is recorded; call them dx or dw or db",
        ),
        (arrays(), 3, {}, "reference: it must be a function of torch tensors, not int"),
        (arrays(), {}, {}, "reference: it is an empty dict; give a function for each layer"),
        (arrays(), {"fc": linear}, {}, "reference: nothing recorded belongs to the layer 'fc'; call its arrays 'fc.x'"),
        (arrays(), lambda *xs: xs[0], {}, "reference: it takes no named arguments"),
        (arrays(), lambda x, w, b: x @ b @ w, {}, "reference: it raised RuntimeError"),
        (arrays(), linear, {"layout": "sideways"}, "layout: it is 'sideways'; it must be one of 'as recorded'"),
        (arrays(), linear, {"names": {"w": "nothing"}}, "names['w']: nothing is recorded as 'nothing'"),
        (arrays(), linear, {"names": ["w"]}, "names=['w']: give a dict of names"),
        (arrays() | {"x": np.array([["a"]])}, linear, {}, "source: 'x' has dtype <U1; record arrays of real numbers"),
        (arrays() | {"x": np.zeros((0, 4))}, linear, {}, "source: 'x' is empty (shape (0, 4))"),
    ],
)
def test_what_cannot_be_checked_is_refused_in_words(source, reference, options, phrase):
    with pytest.raises(GradcheckError, match=re.escape(phrase)):
        check_recorded(source, reference, **options)


@pytest.mark.parametrize(("name", "phrase"), [("a.npz", "cannot be read"), ("a.safetensors", "cannot be read")])
def test_a_file_of_another_kind_is_refused_in_words(name, phrase, tmp_path):
    (tmp_path / name).write_bytes(b"not arrays")
    with pytest.raises(GradcheckError, match=phrase):
        check_recorded(tmp_path / name, linear)


def test_one_array_is_no_recording(tmp_path):
    np.save(tmp_path / "x.npy", np.ones(3))
    with pytest.raises(GradcheckError, match="is one array; give the folder that it is in"):
        check_recorded(tmp_path / "x.npy", linear)


def test_random_states_are_left_as_they_were():
    def drawn(x, w, b):
        return x @ w + b + 0 * torch.rand(())

    def state():
        return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()

    before = state()
    check_recorded(arrays(), drawn)
    check_recorded(arrays(), linear)
    assert state() == before
