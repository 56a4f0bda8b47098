"""Convolutions, Fourier transforms, polynomials and interpolation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from rule_cases import Case, case, check_gradient, check_value

from gradcheck.trace.rules import lookup

rng = np.random.default_rng(6)
V, K = rng.normal(size=7), rng.normal(size=4)
IMAGE, KERNEL, SMALL = rng.normal(size=(5, 6)), rng.normal(size=(3, 2)), rng.normal(size=(2, 4))
X = rng.normal(size=(2, 3, 4))
KNOTS = np.array([0.0, 0.5, 1.5, 2.0, 3.0])
HEIGHTS = rng.normal(size=5)
PLACES = np.array([-0.3, 0.2, 0.9, 1.7, 2.9, 3.4])

NUMPY_ONLY: list[Case] = [
    *(
        case(f"{f.__name__} {a.size} {b.size} {mode}", f, a, b, mode=mode)
        for f in (np.convolve, np.correlate)
        for mode in ("full", "same", "valid")
        for a, b in ((V, K), (K, V), (V, K[:3]), (K[:3], V), (V, V), (V, K[:1]))
    ),
    case("correlate by default", np.correlate, V, K),
    case("convolve with integers", np.convolve, V, call=lambda f, x: f(x, [1, 2, 1])),
    *(
        case(f"{f.__name__} {n} {axis} {norm}", f, X, n=n, axis=axis, norm=norm)
        for f in (np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.ihfft)
        for n, axis, norm in ((None, -1, None), (3, 0, "ortho"), (6, 2, "forward"))
    ),
    *(case(f"{f.__name__} {n}", f, X, n=n, axis=1) for f in (np.fft.irfft, np.fft.hfft) for n in (None, 5)),
    *(
        case(f"{f.__name__}", f, X)
        for f in (
            np.fft.fft2,
            np.fft.ifft2,
            np.fft.rfft2,
            np.fft.fftn,
            np.fft.ifftn,
            np.fft.rfftn,
            np.fft.irfftn,
            np.fft.irfft2,
        )
    ),
    case("fft2 of a size along axes", np.fft.fft2, X, s=(2, 5), axes=(0, 1)),
    case("fftshift", np.fft.fftshift, X, axes=1),
    case("ifftshift", np.fft.ifftshift, X),
    *(
        case(f"{f.__name__} of complex numbers", np.fft.fft, X, call=lambda g, x, f=f: lookup_or(f, g)(g(x)))
        for f in (np.absolute, np.real, np.imag, np.angle, np.conjugate, np.exp, np.square)
    ),
    case("a spectrum's power", np.fft.rfft, V, call=lambda g, x: lookup_or(np.absolute, g)(g(x)) ** 2),
    case(
        "product of spectra",
        np.fft.irfft,
        V,
        K,
        call=lambda g, x, k: g(
            lookup_or(np.multiply, g)(lookup_or(np.fft.rfft, g)(x, 10), lookup_or(np.fft.rfft, g)(k, 10)), 10
        ),
    ),
    case("polyval", np.polyval, K, V),
    case("polyval of a list", np.polyval, X, call=lambda f, x: f([1, 2, 3], x)),
    case("polyval of a number", np.polyval, K, call=lambda f, p: f(p, 0.5)),
    case("polynomial.polyval", np.polynomial.polynomial.polyval, V, K),
    case("polynomial.polyval of columns", np.polynomial.polynomial.polyval, V, rng.normal(size=(3, 2))),
    case(
        "polynomial.polyval, tensor=False", np.polynomial.polynomial.polyval, V, rng.normal(size=(3, 7)), tensor=False
    ),
    *(
        case(f"{f.__name__} {c.shape}", f, V, c)
        for f in (
            np.polynomial.chebyshev.chebval,
            np.polynomial.legendre.legval,
            np.polynomial.hermite.hermval,
            np.polynomial.hermite_e.hermeval,
            np.polynomial.laguerre.lagval,
        )
        for c in (K, K[:1], np.outer(K, K[:2]))
    ),
    case("chebval, tensor=False", np.polynomial.chebyshev.chebval, V, rng.normal(size=(3, 7)), tensor=False),
    case("chebvander", np.polynomial.chebyshev.chebvander, V, deg=3),
    case("legvander", np.polynomial.legendre.legvander, V, deg=2),
    case("polyadd", np.polyadd, V, K),
    case("polysub", np.polysub, K, V),
    case("polymul", np.polymul, K, V),
    case("polyder", np.polyder, V),
    case("polyder twice", np.polyder, V, m=2),
    case("polyint", np.polyint, V, m=2),
    case("polyfit", np.polyfit, V, np.cos(V), deg=2, tolerance=1e-10),
    case(
        "polyfit of columns, weighted",
        np.polyfit,
        V,
        rng.normal(size=(7, 2)),
        deg=1,
        w=np.arange(1.0, 8),
        tolerance=1e-10,
    ),
    case("interp", np.interp, PLACES, KNOTS, HEIGHTS),
    case("interp with ends", np.interp, PLACES, HEIGHTS, call=lambda f, x, y: f(x, KNOTS, y, left=-1.0, right=5)),
    case("interp with a period", np.interp, PLACES, HEIGHTS, call=lambda f, x, y: f(x, KNOTS, y, period=3.5)),
    case("interp of a number", np.interp, np.array(1.2), HEIGHTS, call=lambda f, x, y: f(x, KNOTS, y)),
    case("interp at the points", np.interp, HEIGHTS, call=lambda f, y: f(KNOTS, KNOTS, y)),
]


def lookup_or(function: Any, current: Any) -> Any:
    """NumPy's function while NumPy is called, its rule while the rule is."""
    return function if getattr(current, "__module__", "").startswith("numpy") else lookup(function)


def scipy_cases() -> list[Case]:
    signal = pytest.importorskip("scipy.signal")
    fft = pytest.importorskip("scipy.fft")
    ndimage = pytest.importorskip("scipy.ndimage")
    distance = pytest.importorskip("scipy.spatial.distance")
    modes = ("full", "same", "valid")
    return [
        *(
            case(f"{f.__name__} {a.shape} {b.shape} {m}", f, a, b, mode=m, tolerance=1e-11)
            for f in (signal.convolve, signal.correlate, signal.fftconvolve, signal.oaconvolve)
            for m in modes
            for a, b in ((V, K), (K, V), (IMAGE, KERNEL), (IMAGE, KERNEL[:1]), (X, X[:1, :2, :3]))
        ),
        *(
            case(f"{f.__name__} {a.shape} {b.shape} {m} {boundary}", f, a, b, mode=m, boundary=boundary)
            for f in (signal.convolve2d, signal.correlate2d)
            for m in modes
            for boundary in ("fill", "wrap", "symm")
            for a, b in ((IMAGE, KERNEL), (IMAGE, SMALL), (IMAGE[:3, :3], KERNEL))
        ),
        *(
            case(f"{f.__name__} swapped {m}", f, KERNEL, IMAGE, mode=m)
            for f in (signal.convolve2d, signal.correlate2d)
            for m in modes
        ),
        case("convolve2d filled", signal.convolve2d, IMAGE, KERNEL, fillvalue=2.0),
        case("convolve of scalars", signal.convolve, np.array(2.0), np.array(3.0)),
        *(
            case(f"cdist {m}", distance.cdist, IMAGE, np.cos(7 * IMAGE[:3]), metric=m)
            for m in ("euclidean", "sqeuclidean", "cityblock", "chebyshev")
        ),
        case("pdist", distance.pdist, IMAGE),
        case("squareform", distance.squareform, K[:3]),
        case("squareform of a matrix", distance.squareform, np.ones((4, 4)) - np.eye(4), checks=False),
        *(
            case(f.__name__, f, V, np.sin(3 * V))
            for f in (distance.euclidean, distance.sqeuclidean, distance.cityblock, distance.cosine)
        ),
        *(
            case(
                f"lfilter {len(b)} {len(a)}",
                signal.lfilter,
                np.array(b),
                np.array(a),
                IMAGE,
                axis=axis,
                tolerance=1e-11,
            )
            for b, a, axis in (([1.0, 0.5], [2.0, 0.3, 0.1], -1), ([0.5, 0.2, 0.1], [1.0], 0), ([1.0], [1.0, -0.9], 1))
        ),
        case("lfilter of one coefficient", signal.lfilter, V[:1], V[1:2], IMAGE),
        case("lfilter with a state", signal.lfilter, K, K[:3], V, V[:3], call=lambda f, b, a, x, z: f(b, a, x, zi=z)),
        *(
            case(f"ndimage {f.__name__} {m}", f, IMAGE, k, mode=m, cval=1.5, tolerance=1e-11)
            for f in (ndimage.correlate, ndimage.convolve)
            for m in ("reflect", "mirror", "nearest", "wrap", "constant", "grid-mirror", "grid-wrap", "grid-constant")
            for k in (KERNEL, SMALL)
        ),
        *(
            case(f"ndimage {f.__name__} {axis} {origin}", f, IMAGE, V[:3], axis=axis, origin=origin)
            for f in (ndimage.correlate1d, ndimage.convolve1d)
            for axis in (0, -1)
            for origin in (0, 1, -1)
        ),
        case("ndimage correlate, moved", ndimage.correlate, IMAGE, KERNEL, origin=(1, -1)),
        case("gaussian_filter", ndimage.gaussian_filter, IMAGE, sigma=(0.7, 1.2)),
        case(
            "gaussian_filter of an axis",
            ndimage.gaussian_filter,
            IMAGE,
            sigma=0.5,
            mode="nearest",
            truncate=3.0,
            axes=(1,),
        ),
        case("gaussian_filter1d", ndimage.gaussian_filter1d, IMAGE, sigma=0.8, axis=0),
        case("uniform_filter", ndimage.uniform_filter, IMAGE, size=(3, 2)),
        case("uniform_filter1d", ndimage.uniform_filter1d, IMAGE, size=4, origin=-1),
        case("scipy fft", fft.fft, X, axis=1),
        case("scipy rfft2", fft.rfft2, X),
        case("scipy irfftn", fft.irfftn, X),
    ]


try:
    SCIPY = scipy_cases()
except pytest.skip.Exception:
    SCIPY = []

CASES = [*NUMPY_ONLY, *SCIPY]


@pytest.mark.parametrize("subject", CASES, ids=str)
def test_value(subject: Case) -> None:
    check_value(subject)


@pytest.mark.parametrize("subject", CASES, ids=str)
def test_gradient(subject: Case) -> None:
    check_gradient(subject)


@pytest.mark.parametrize("subject", NUMPY_ONLY[:36], ids=str)
def test_value_in_float32(subject: Case) -> None:
    check_value(subject, np.float32, 1e-5)


def test_interp_on_a_knot_takes_the_slope_to_the_right() -> None:
    x = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(lookup(np.interp)(x, [0.0, 1.0, 2.0], [0.0, 1.0, 3.0]).sum(), x)
    assert gradient.tolist() == [2.0]


def test_valid_overlaps_of_arrays_neither_of_which_contains_the_other_are_refused() -> None:
    signal = pytest.importorskip("scipy.signal")
    with pytest.raises(NotImplementedError):
        lookup(signal.fftconvolve)(torch.ones(5, 1), torch.ones(3, 3), "valid")


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(NotImplementedError):
        lookup(np.convolve)(torch.ones(3), torch.ones(2), "other")
