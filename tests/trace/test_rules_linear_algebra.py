"""Products, einsum, norms, systems, decompositions."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from rule_cases import Case, case, check_gradient, check_value

from gradcheck.trace.rules import lookup

rng = np.random.default_rng(5)
V3, W3, V4 = rng.normal(size=3), rng.normal(size=3), rng.normal(size=4)
M23, M34, N34 = rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
B = rng.normal(size=(5, 2, 3))
C = rng.normal(size=(5, 3, 4))
D = rng.normal(size=(2, 5, 3, 4))
S = rng.normal(size=(3, 3)) + 2 * np.eye(3)
SS = rng.normal(size=(2, 3, 3)) + 2 * np.eye(3)
SYMMETRIC = S + S.T + np.diag([1.0, 4.0, 9.0])
POSITIVE = S @ S.T + np.eye(3)
SCALAR = np.array(1.5)

PRODUCTS = [
    *(
        case(f"matmul {a.shape} {b.shape}", np.matmul, a, b)
        for a, b in [
            (V3, W3),
            (M23, V3),
            (V3, M34),
            (M23, M34),
            (B, C),
            (M23, C),
            (B, M34),
            (B, V3),
            (V3, C),
            (D[0], np.ones((4, 1))),
        ]
    ),
    case("matmul with broadcasting", np.matmul, B[:1], C),
    case("matmul with a constant of integers", np.matmul, M34, call=lambda f, x: f(np.arange(6).reshape(2, 3), x)),
    case("matmul of nothing", np.matmul, np.zeros((2, 0)), np.zeros((0, 3))),
    *(
        case(f"dot {a.shape} {b.shape}", np.dot, a, b)
        for a, b in [
            (SCALAR, M23),
            (M23, SCALAR),
            (V3, W3),
            (M23, V3),
            (V3, M34),
            (M23, M34),
            (B, V3),
            (B, M34),
            (B, C),
            (M23, D),
            (V3, C),
        ]
    ),
    *(
        case(f"inner {a.shape} {b.shape}", np.inner, a, b)
        for a, b in [(V3, W3), (SCALAR, V3), (B, M23), (M23, V3), (V3, B)]
    ),
    case("vdot", np.vdot, M34, N34),
    case("outer", np.outer, M23, V4),
    case("linalg.outer", np.linalg.outer, V3, V4),
    *(
        case(
            f"tensordot {axes}",
            np.tensordot,
            B,
            C[..., :2].transpose(0, 2, 1),
            call=lambda f, x, y, a=axes: f(x, y, axes=a),
        )
        for axes in (0, 3, ([0, 2], [0, 2]), ([-1], [-1]), (1, 1), ((0, 1, 2), (0, 1, 2)))
    ),
    case("tensordot by default", np.tensordot, B, B[0][:, :, None]),
    case("kron", np.kron, M23, M34),
    case("kron of other dimensions", np.kron, B, V3),
    case("cross", np.cross, V3, W3),
    case("cross of many", np.cross, B, M23),
    case("cross along axes", np.cross, M34, N34, axisa=0, axisb=0, axisc=0),
    case("cross along one axis", np.cross, M34, N34, axis=0),
    case("linalg.cross", np.linalg.cross, M23, M23 + 1),
    case("multi_dot", np.linalg.multi_dot, V3, M34, M34.T, call=lambda f, *xs: f(xs)),
    *(case(f"matrix_power {n}", np.linalg.matrix_power, SS, call=lambda f, x, n=n: f(x, n)) for n in (0, 1, 3, -2)),
    *(
        case(f"{f.__name__}", f, *xs)
        for f, xs in [(np.vecdot, (B, V3)), (np.linalg.vecdot, (M34, N34)), (np.matmul, (S, S))]
    ),
    case("vecdot along an axis", np.vecdot, M34, N34, axis=0),
    *([case("matvec", np.matvec, B, V3), case("vecmat", np.vecmat, V3, C)] if hasattr(np, "matvec") else []),
]

EINSUM: list[Case] = [
    *(
        case(f"einsum {text}", np.einsum, *arrays, call=lambda f, *xs, t=text: f(t, *xs))
        for text, arrays in [
            ("ij,jk->ik", (M23, M34)),
            ("ij,jk", (M23, M34)),
            ("ba,cb", (M23.T, M34.T)),
            ("ii", (S,)),
            ("ii->i", (S,)),
            ("ij->ji", (M23,)),
            ("ij->", (M23,)),
            ("ji", (M23,)),
            ("i,i", (V3, W3)),
            ("i,j->ij", (V3, V4)),
            ("...ij,...jk->...ik", (B, C)),
            ("...j,jk", (B, M34)),
            ("i...->...", (B,)),
            ("bij,bjk->bik", (B, C)),
            ("b i j , b j k -> b i k", (B, C)),
            ("ijk,ijk->i", (B, B)),
            ("nchw,oc->nohw", (D, rng.normal(size=(3, 5)))),
            ("aA,Ab", (M23, M34)),
            ("iij->j", (SS.transpose(1, 2, 0),)),
            ("ij,jk,kl->il", (M23, M34, M34.T)),
            (",ij->ij", (SCALAR, M23)),
            ("i->", (V3,)),
            ("...", (B,)),
            ("ij,ij->ij", (M34, M34[:1])),
        ]
    ),
    case("einsum optimized", np.einsum, M23, M34, call=lambda f, x, y: f("ij,jk->ik", x, y, optimize=True)),
    case("einsum sublists", np.einsum, M23, M34, call=lambda f, x, y: f(x, [0, 1], y, [1, 2], [0, 2])),
    case("einsum sublists, implicit", np.einsum, M23, M34, call=lambda f, x, y: f(x, [5, 1], y, [1, 2])),
    case(
        "einsum sublists, ellipsis",
        np.einsum,
        B,
        C,
        call=lambda f, x, y: f(x, [..., 0, 1], y, [..., 1, 2], [..., 0, 2]),
    ),
    case("einsum sublists, many labels", np.einsum, M23, call=lambda f, x: f(x, [30, 2])),
    case("einsum with integers", np.einsum, M34, call=lambda f, x: f("ij,jk", np.arange(6).reshape(2, 3), x)),
]

NORMS: list[Case] = [
    *(case(f"norm {o} of a vector", np.linalg.norm, V4, ord=o) for o in (None, 1, 2, 3, 0.5, np.inf, -np.inf, 0, -1)),
    *(
        case(f"norm {o} of a matrix", np.linalg.norm, M34, ord=o)
        for o in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)
    ),
    *(
        case(f"norm along {axis}", np.linalg.norm, B, axis=axis, keepdims=keep)
        for axis in (None, 0, -1, (0, 1), (2, 0))
        for keep in (False, True)
    ),
    *(
        case(f"norm {o} along (0, 2)", np.linalg.norm, B, ord=o, axis=(0, 2), keepdims=True)
        for o in ("fro", "nuc", 1, 2, np.inf)
    ),
    case("norm of a scalar", np.linalg.norm, SCALAR),
    case("vector_norm", np.linalg.vector_norm, B),
    case("vector_norm along axes", np.linalg.vector_norm, B, axis=(0, 2), ord=1, keepdims=True),
    case("matrix_norm", np.linalg.matrix_norm, B),
    case("matrix_norm nuc", np.linalg.matrix_norm, B, ord="nuc", keepdims=True),
]

SYSTEMS = [
    *(
        case(f"{f.__name__} {a.ndim}", f, a)
        for f in (np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.pinv)
        for a in (S, SS)
    ),
    case("pinv of a tall one", np.linalg.pinv, M34.T),
    case("pinv of a wide one", np.linalg.pinv, M34),
    case("pinv with rcond", np.linalg.pinv, np.diag([1.0, 1e-3, 1.0]), rcond=1e-2, gradient=False),
    case("solve a vector", np.linalg.solve, S, V3),
    case("solve a matrix", np.linalg.solve, S, M34),
    case("solve many", np.linalg.solve, SS, M34),
    case("solve many with many", np.linalg.solve, SS, SS[:, :, :2]),
    case("solve matrices that look like vectors", np.linalg.solve, SS[:1].repeat(3, 0), rng.normal(size=(3, 3))),
    case("solve many with one vector", np.linalg.solve, SS, V3),
    case("lstsq", np.linalg.lstsq, M34.T, V4, rcond=None, tolerance=1e-11),
    case("lstsq of a matrix", np.linalg.lstsq, M34.T, rng.normal(size=(4, 2)), rcond=None, tolerance=1e-11),
    case("lstsq without residuals", np.linalg.lstsq, S, V3, rcond=None, tolerance=1e-11),
    case("tensorinv", np.linalg.tensorinv, rng.normal(size=(2, 3, 6)), ind=2, tolerance=1e-11),
    case("tensorsolve", np.linalg.tensorsolve, rng.normal(size=(2, 3, 6)), rng.normal(size=(2, 3)), tolerance=1e-11),
    *(case(f"cond {p}", np.linalg.cond, S, p=p) for p in (None, 2, -2, 1, "fro", np.inf)),
    case("determinant of a singular matrix", np.linalg.det, np.array([[1.0, 2.0], [2.0, 4.0]]), tolerance=1e-11),
    case("determinants, one of them singular", np.linalg.det, np.stack([S, np.ones((3, 3)), -S])),
]

DECOMPOSITIONS = [
    case("cholesky", np.linalg.cholesky, POSITIVE),
    case("cholesky upper", np.linalg.cholesky, POSITIVE, upper=True),
    case("cholesky of what is not symmetric", np.linalg.cholesky, POSITIVE + np.triu(np.ones((3, 3)), 1)),
    case("qr", np.linalg.qr, M34.T),
    case("qr square", np.linalg.qr, SS),
    case("qr r", np.linalg.qr, M34.T, mode="r"),
    case("qr complete", np.linalg.qr, S, mode="complete"),
    case("eigh", np.linalg.eigh, SYMMETRIC),
    case("eigh upper", np.linalg.eigh, SYMMETRIC + np.tril(np.ones((3, 3)), -1), UPLO="U"),
    case("eigvalsh", np.linalg.eigvalsh, SYMMETRIC),
    case("eigvals", np.linalg.eigvals, SYMMETRIC + 0.1 * S),
    case("eigvals complex", np.linalg.eigvals, np.array([[0.0, -1.0], [2.0, 0.3]])),
    case("svdvals", np.linalg.svdvals, M34),
    case("svd values only", np.linalg.svd, M34, compute_uv=False),
    *(
        case(
            f"svd {a.shape} {full}",
            np.linalg.svd,
            a,
            full_matrices=full,
            tolerance=1e-11,
            gradient=not full or a.shape[0] == a.shape[1],
        )
        for a in (M34, M34.T, S)
        for full in (True, False)
    ),
    case(
        "svd: the null space's projector",
        np.linalg.svd,
        M34,
        call=lambda f, x: (lambda vt: vt.T @ vt)(f(x)[2][3:]),
        tolerance=1e-11,
    ),
]

CASES = [*PRODUCTS, *EINSUM, *NORMS, *SYSTEMS, *DECOMPOSITIONS]


@pytest.mark.parametrize("subject", CASES, ids=str)
def test_value(subject: Case) -> None:
    check_value(subject)


@pytest.mark.parametrize("subject", [c for c in CASES if c.gradient], ids=str)
def test_gradient(subject: Case) -> None:
    check_gradient(subject)


@pytest.mark.parametrize("subject", [*PRODUCTS, *EINSUM, *NORMS], ids=str)
def test_value_in_float32(subject: Case) -> None:
    check_value(subject, np.float32, 1e-5)


@pytest.mark.parametrize("order", [None, 1, 2, np.inf, 0])
def test_the_norm_of_zero_has_no_nan_in_its_gradient(order: Any) -> None:
    x = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(lookup(np.linalg.norm)(x, order), x, allow_unused=True, materialize_grads=True)
    assert gradient.tolist() == [0.0, 0.0, 0.0]


def test_the_frobenius_norm_of_zero_has_no_nan_in_its_gradient() -> None:
    x = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(lookup(np.linalg.norm)(x, "fro"), x)
    assert gradient.abs().sum() == 0


@pytest.mark.parametrize("shape", list(itertools.product([1, 2, 3], [1, 3])))
def test_gram_matrices_by_every_route_are_one(shape: tuple[int, int]) -> None:
    x = torch.from_numpy(rng.normal(size=shape))
    expected = x.numpy() @ x.numpy().T
    routes = [
        lookup(np.matmul)(x, x.T),
        lookup(np.dot)(x, x.T),
        lookup(np.inner)(x, x),
        lookup(np.einsum)("ij,kj->ik", x, x),
        lookup(np.tensordot)(x, x, axes=(1, 1)),
    ]
    for found in routes:
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-13)


@pytest.mark.parametrize("f", [np.linalg.eigh, np.linalg.svd])
def test_a_decomposition_that_is_not_unique_is_refused_or_agrees(f: Any) -> None:
    """Equal eigenvalues: whatever vectors torch finds, they are NumPy's or they are not returned at all."""
    x = np.kron(np.array([[2.0, 1.0], [1.0, 2.0]]), np.eye(2))
    try:
        found = lookup(f)(torch.from_numpy(x))
    except NotImplementedError:
        return
    for ours, theirs in zip(found, f(x), strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-6)


def test_the_wide_qr_is_refused() -> None:
    with pytest.raises(NotImplementedError):
        lookup(np.linalg.qr)(torch.ones(2, 3))
