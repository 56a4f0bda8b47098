"""Every elementwise rule: NumPy's value and shape, the derivative that differences of NumPy give."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rule_cases import Case, case, check_gradient, check_value

from gradcheck.trace.rules import lookup

rng = np.random.default_rng(0)
A = rng.normal(size=(2, 3))
B = rng.normal(size=(2, 3))
ROW = rng.normal(size=3)
COLUMN = rng.normal(size=(2, 1))
POSITIVE = rng.uniform(0.5, 2.0, size=(2, 3))
UNIT = rng.uniform(-0.8, 0.8, size=(2, 3))
SCALAR = np.float64(0.7)

BINARY = [np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.fmax, np.fmin, np.hypot, np.arctan2]
BINARY += [np.logaddexp, np.logaddexp2, np.copysign, np.remainder, np.fmod, np.floor_divide, np.heaviside, np.divmod]
UNARY = [np.negative, np.positive, np.absolute, np.fabs, np.sign, np.exp, np.exp2, np.expm1, np.square, np.reciprocal]
UNARY += [np.sin, np.cos, np.tan, np.arctan, np.sinh, np.cosh, np.tanh, np.arcsinh, np.deg2rad, np.rad2deg, np.degrees]
UNARY += [
    np.radians,
    np.floor,
    np.ceil,
    np.rint,
    np.trunc,
    np.fix,
    np.cbrt,
    np.sinc,
    np.i0,
    np.modf,
    np.frexp,
    np.conjugate,
]
UNARY += [np.real, np.imag, np.nan_to_num, np.unwrap, np.real_if_close, np.angle]
ON_POSITIVE = [np.log, np.log2, np.log10, np.log1p, np.sqrt]

CASES: list[Case] = [
    *(case(f"{f.__name__}: same shape", f, A, B) for f in BINARY),
    *(case(f"{f.__name__}: row right", f, A, ROW) for f in BINARY),
    *(case(f"{f.__name__}: column left", f, COLUMN, ROW) for f in BINARY),
    *(case(f"{f.__name__}: 0-d left", f, SCALAR, A) for f in BINARY),
    *(case(f"{f.__name__}: number right", f, A, call=lambda g, x: g(x, 0.3)) for f in BINARY),
    *(case(f"{f.__name__}: number left", f, A, call=lambda g, x: g(1.3, x)) for f in BINARY),
    *(case(f"{f.__name__}: integer array left", f, ROW, call=lambda g, x: g(np.array([1, 2, 3]), x)) for f in BINARY),
    *(case(f"{f.__name__}", f, A) for f in UNARY),
    *(case(f"{f.__name__}: 0-d", f, SCALAR) for f in UNARY if f is not np.unwrap),
    *(case(f"{f.__name__}: Fortran order", f, np.asfortranarray(A)) for f in UNARY),
    *(case(f"{f.__name__}: empty", f, np.zeros((0, 3))) for f in UNARY),
    *(case(f"{f.__name__}", f, POSITIVE) for f in ON_POSITIVE),
    *(case(f"{f.__name__}", f, UNIT) for f in (np.arcsin, np.arccos, np.arctanh)),
    case("arccosh", np.arccosh, POSITIVE + 1),
    case("power of arrays", np.power, POSITIVE, B),
    case("power of row", np.power, POSITIVE, ROW),
    case("power of number", np.power, A, call=lambda f, x: f(x, 3)),
    case("power of -2", np.power, A, call=lambda f, x: f(x, -2)),
    case("number to the power", np.power, A, call=lambda f, x: f(2, x)),
    case("power of integer array", np.power, A, call=lambda f, x: f(x, np.array([0, 1, 2]))),
    case("float_power", np.float_power, POSITIVE, B),
    case("ldexp", np.ldexp, A, call=lambda f, x: f(x, np.array([0, 1, -2]))),
    case("round to 2", np.round, A, call=lambda f, x: f(x, 2)),
    case("round to -1", np.round, 100 * A, call=lambda f, x: f(x, decimals=-1)),
    case("clip by numbers", np.clip, A, call=lambda f, x: f(x, -0.5, 0.4)),
    case("clip below", np.clip, A, call=lambda f, x: f(x, 0.1, None)),
    case("clip above by keyword", np.clip, A, call=lambda f, x: f(x, a_min=None, a_max=0.2)),
    *(
        [case("clip with min and max", np.clip, A, call=lambda f, x: f(x, min=-0.1, max=0.2))]
        if np.lib.NumpyVersion(np.__version__) >= "2.1.0"
        else []
    ),
    case("clip with the lower bound by keyword", np.clip, A, call=lambda f, x: f(x, a_max=0.2, a_min=-0.1)),
    case("clip by arrays", np.clip, A, ROW - 1, ROW + 0.5),
    case("clip with crossed bounds", np.clip, A, call=lambda f, x: f(x, 0.5, -0.5)),
    case("where", np.where, A, ROW, call=lambda f, x, y: f(A > 0, x, y)),
    case("where with a number", np.where, A, call=lambda f, x: f(x > 0 if isinstance(x, np.ndarray) else A > 0, x, 0)),
    case(
        "nan_to_num with numbers",
        np.nan_to_num,
        np.array([1.0, np.nan, np.inf, -np.inf]),
        nan=3.0,
        posinf=4.0,
        gradient=False,
    ),
]


@pytest.mark.parametrize("subject", CASES, ids=str)
def test_value(subject: Case) -> None:
    check_value(subject)


@pytest.mark.parametrize("subject", [c for c in CASES if c.gradient], ids=str)
def test_gradient(subject: Case) -> None:
    check_gradient(subject)


@pytest.mark.parametrize("subject", CASES, ids=str)
def test_value_in_float32(subject: Case) -> None:
    if subject.function is not np.float_power:
        check_value(subject, np.float32, 3e-6)


def gradient_at(function: object, *points: float, **keywords: object) -> list[float]:
    leaves = [torch.tensor(point, dtype=torch.float64, requires_grad=True) for point in points]
    rule = lookup(function)
    assert rule is not None
    return [float(g) for g in torch.autograd.grad(rule(*leaves, **keywords), leaves)]


@pytest.mark.parametrize(("base", "exponent", "slope"), [(0.0, 2, 0.0), (0.0, 1, 1.0), (-2.0, 3, 12.0), (0.0, 0, 0.0)])
def test_power_at_zero_and_at_negative_bases(base: float, exponent: float, slope: float) -> None:
    x = torch.tensor(base, dtype=torch.float64, requires_grad=True)
    for power in (exponent, float(exponent), torch.tensor(float(exponent), dtype=torch.float64)):
        (gradient,) = torch.autograd.grad(lookup(np.power)(x, power), x)
        assert float(gradient) == slope


def test_power_of_zero_with_a_traced_exponent() -> None:
    assert gradient_at(np.power, 0.0, 2.0) == [0.0, 0.0]


@pytest.mark.parametrize("f", [np.maximum, np.minimum, np.fmax, np.fmin])
def test_ties_share_the_derivative_evenly(f: np.ufunc) -> None:
    assert gradient_at(f, 1.5, 1.5) == [0.5, 0.5]


@pytest.mark.parametrize("f", [np.maximum, np.minimum, np.fmax, np.fmin, np.sign, np.heaviside])
def test_nan_goes_where_numpy_lets_it(f: np.ufunc) -> None:
    a = np.array([np.nan, 1.0, np.nan, 0.0])
    b = np.array([1.0, np.nan, np.nan, 2.0])
    inputs = (a, b)[: f.nin]
    found = lookup(f)(*(torch.from_numpy(x) for x in inputs))
    np.testing.assert_array_equal(found.numpy(), f(*inputs))


def test_hypot_has_no_nan_at_the_origin() -> None:
    assert gradient_at(np.hypot, 0.0, 0.0) == [0.0, 0.0]


@pytest.mark.parametrize(
    ("f", "points"),
    [
        (np.log, (0.0, -1.0)),
        (np.sqrt, (0.0, -1.0)),
        (np.exp, (1000.0, 0.0)),
        (np.reciprocal, (0.0, 0.0)),
        (np.arcsin, (1.0, 2.0)),
        (np.cbrt, (0.0, 0.0)),
    ],
)
def test_entries_thrown_away_have_no_derivative(f: np.ufunc, points: tuple[float, float]) -> None:
    """np.where(mask, f(x), 0): the truth is zero where the mask is False, not 0 · inf."""
    x = torch.tensor([0.5, *points], dtype=torch.float64, requires_grad=True)
    kept = lookup(np.where)(np.array([True, False, False]), lookup(f)(x), 0.0)
    (gradient,) = torch.autograd.grad(kept.sum(), x)
    assert gradient[1:].tolist() == [0.0, 0.0]
    assert gradient[0] != 0


def test_quotients_thrown_away_have_no_derivative() -> None:
    a = torch.tensor([1.0, 1.0], dtype=torch.float64, requires_grad=True)
    b = torch.tensor([2.0, 0.0], dtype=torch.float64, requires_grad=True)
    kept = lookup(np.where)(np.array([True, False]), lookup(np.divide)(a, b), 0.0)
    da, db = torch.autograd.grad(kept.sum(), (a, b))
    assert da.tolist() == [0.5, 0.0]
    assert db.tolist() == [-0.25, 0.0]


def test_an_infinite_derivative_that_is_used_stays_infinite() -> None:
    assert gradient_at(np.sqrt, 0.0) == [np.inf]
    assert gradient_at(np.cbrt, 0.0) == [np.inf]


def test_an_array_changed_after_the_call_does_not_change_the_gradient() -> None:
    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    constant = np.array([3.0, 4.0])
    product = lookup(np.multiply)(x, constant)
    constant[:] = 0.0
    (gradient,) = torch.autograd.grad(product.sum(), x)
    assert gradient.tolist() == [3.0, 4.0]


@pytest.mark.parametrize(
    "constant", [np.array([3, 4])[::-1], np.array([True, False]), np.array([1.0, 2.0], dtype=">f8")]
)
def test_constants_of_any_layout_and_kind(constant: np.ndarray) -> None:
    constant.flags.writeable = False
    x = torch.tensor([1.0, 2.0], dtype=torch.float64)
    np.testing.assert_array_equal(lookup(np.multiply)(x, constant).numpy(), x.numpy() * constant)


def test_objects_are_refused() -> None:
    with pytest.raises(NotImplementedError):
        lookup(np.add)(torch.ones(1), np.array([object()]))
