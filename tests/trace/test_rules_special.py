"""scipy.special and scipy.linalg, and that neither is imported before the user does."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from rule_cases import Case, case, check_gradient, check_value

from gradcheck.trace.rules import lookup

special = pytest.importorskip("scipy.special")
linalg = pytest.importorskip("scipy.linalg")
stats = pytest.importorskip("scipy.stats")

rng = np.random.default_rng(8)
A = rng.normal(size=(3, 4))
B = rng.normal(size=(3, 4))
POSITIVE = rng.uniform(0.2, 3.0, size=(3, 4))
UNIT = rng.uniform(0.05, 0.95, size=(3, 4))
S = rng.normal(size=(3, 3)) + 3 * np.eye(3)
SPD = S @ S.T
V, M = rng.normal(size=3), rng.normal(size=(3, 2))

EVERYWHERE = "expit log_expit erf erfc erfcx ndtr log_ndtr i0 i0e i1 i1e expm1 exp2 cbrt exprel softplus gamma"
ABOVE_ZERO = "gammaln loggamma digamma psi entr log1p"
MORE_ABOVE_ZERO = ("y0", "y1", "k0", "k1", "erfi", "dawsn", "expi", "exp1", "spence")
PAIRS = "xlogy xlog1py rel_entr kl_div huber pseudo_huber beta betaln boxcox"

CASES: list[Case] = [
    *(case(name, getattr(special, name), A, tolerance=1e-11) for name in EVERYWHERE.split() if hasattr(special, name)),
    *(case(name, getattr(special, name), POSITIVE, tolerance=1e-11) for name in ABOVE_ZERO.split()),
    *(case(name, getattr(special, name), UNIT, tolerance=1e-11) for name in ("logit", "erfinv", "ndtri")),
    *(case(f"{name} of two", getattr(special, name), POSITIVE, UNIT, tolerance=1e-11) for name in PAIRS.split()),
    *(
        case(f"{name}, broadcast", getattr(special, name), POSITIVE[:, :1], UNIT[0], tolerance=1e-11)
        for name in PAIRS.split()
    ),
    case("polygamma", special.polygamma, POSITIVE, call=lambda f, x: f(2, x), tolerance=1e-11),
    case("exprel near zero", special.exprel, np.array([-2e-2, -1e-2, -1e-5, 0.0, 1e-9, 3e-3, 0.01, 0.011])),
    case("boxcox with lambda near zero", special.boxcox, POSITIVE, np.array([1e-3, 0.5, -0.5, 2.0]), tolerance=1e-11),
    case("boxcox with lambda zero", special.boxcox, POSITIVE, call=lambda f, x: f(x, 0.0)),
    case("huber beyond delta", special.huber, A, call=lambda f, r: f(0.3, r)),
    case(
        "rel_entr at the border", special.rel_entr, np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 2.0]), gradient=False
    ),
    *(case(f"softmax {axis}", special.softmax, A, axis=axis) for axis in (None, 0, -1, (0, 1))),
    *(case(f"log_softmax {axis}", special.log_softmax, A, axis=axis) for axis in (None, 0, -1)),
    *(
        case(f"logsumexp {axis} {keep}", special.logsumexp, A, axis=axis, keepdims=keep)
        for axis in (None, 0, (0, 1))
        for keep in (False, True)
    ),
    case("logsumexp with weights", special.logsumexp, A, POSITIVE, call=lambda f, x, b: f(x, axis=1, b=b)),
    case(
        "logsumexp with weights and signs",
        special.logsumexp,
        A,
        B,
        call=lambda f, x, b: f(x, axis=1, b=b, return_sign=True),
    ),
    case(
        "logsumexp with a weight of zero",
        special.logsumexp,
        A,
        call=lambda f, x: f(x, b=np.array([0.0, 1.0, 2.0, 0.5])),
    ),
    case("softmax of large numbers", special.softmax, 1000 * A, axis=1, gradient=False),
    case("log_ndtr far out", special.log_ndtr, np.array([-30.0, -6.0, 6.0]), tolerance=1e-10),
    case("gamma below zero", special.gamma, np.array([-0.5, -1.5, -2.3, 0.3]), tolerance=1e-11),
    case("j0", special.j0, 4 * A),
    *(case(name, getattr(special, name), POSITIVE) for name in MORE_ABOVE_ZERO),
    case("erfcinv", special.erfcinv, UNIT),
    case("spence at one", special.spence, np.array([1.0, 0.5])),
    case("j1", special.j1, np.append(4 * A, 0.0), tolerance=1e-11),
    *(
        case(f"eval_{name} {n}", getattr(special, f"eval_{name}"), A, call=lambda f, x, n=n: f(n, x), tolerance=1e-11)
        for name in ("chebyt", "chebyu", "legendre", "hermite", "hermitenorm", "laguerre")
        for n in (0, 1, 4)
    ),
    *(
        case(f"norm.{name}", getattr(stats.norm, name), A, B, POSITIVE, tolerance=1e-11)
        for name in ("pdf", "logpdf", "cdf", "sf", "logcdf", "logsf")
    ),
    case("norm.cdf, standard", stats.norm.cdf, A, tolerance=1e-11),
    case("norm.ppf", stats.norm.ppf, UNIT, A[0], POSITIVE, tolerance=1e-11),
    *(case(f"cho_factor {lower}", linalg.cho_factor, SPD, lower=lower) for lower in (False, True)),
    *(
        case(
            f"cho_solve {lower}", linalg.cho_solve, S + 3 * np.eye(3), b, call=lambda f, c, b, low=lower: f((c, low), b)
        )
        for lower in (False, True)
        for b in (V, M)
    ),
    case("inv", linalg.inv, S),
    case("det", linalg.det, S),
    case("pinv", linalg.pinv, M, tolerance=1e-11),
    case("norm", linalg.norm, M),
    case("svdvals", linalg.svdvals, M),
    case("solve", linalg.solve, S, V),
    case("solve a matrix", linalg.solve, S, M),
    case("solve, positive definite", linalg.solve, SPD, M, assume_a="pos"),
    case("solve, symmetric and lower", linalg.solve, SPD, M, assume_a="sym", lower=True),
    case("solve, transposed", linalg.solve, S, V, transposed=True),
    *(
        case(
            f"solve_triangular {lower} {trans} {unit}",
            linalg.solve_triangular,
            S,
            b,
            lower=lower,
            trans=trans,
            unit_diagonal=unit,
        )
        for lower in (False, True)
        for trans in (0, "T")
        for unit, b in ((False, V), (True, M))
    ),
    case("cholesky", linalg.cholesky, SPD),
    case("cholesky lower", linalg.cholesky, SPD, lower=True),
    case("expm", linalg.expm, S / 3, tolerance=1e-11),
    case("block_diag", linalg.block_diag, S, M),
]


@pytest.mark.parametrize("subject", CASES, ids=str)
def test_value(subject: Case) -> None:
    check_value(subject)


@pytest.mark.parametrize("subject", [c for c in CASES if c.gradient], ids=str)
def test_gradient(subject: Case) -> None:
    check_gradient(subject)


def test_xlogy_at_zero_has_no_nan() -> None:
    x = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    y = torch.tensor([0.0, 2.0], dtype=torch.float64, requires_grad=True)
    found = lookup(special.xlogy)(x, y)
    assert found.tolist() == [0.0, 0.0]
    (gradient,) = torch.autograd.grad(found.sum(), y)
    assert gradient.tolist() == [0.0, 0.0]


def test_scipy_is_not_imported_by_the_table() -> None:
    code = (
        "import sys, gradcheck.trace.rules as rules, numpy as np\n"
        "assert rules.lookup(np.sum) and rules.lookup(len) is None\n"
        "assert not any(name.split('.')[0] == 'scipy' for name in sys.modules)\n"
        "from scipy.special import expit\n"
        "assert rules.lookup(expit)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_functions_without_a_rule_are_not_found() -> None:
    class Unhashable:
        __hash__ = None

    assert lookup(np.histogram) is None
    assert lookup(print) is None
    assert lookup(Unhashable()) is None
