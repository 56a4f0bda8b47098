# ruff: noqa
"""Values that go through text, bytes, other libraries or C: no trace can follow all of them, but none may be lost unseen."""

import array
import copy
import ctypes
import io
import json
import math
import pickle
import statistics
import struct
from decimal import Decimal
from fractions import Fraction

import numpy as np
from forwards._case import draws, on

draw = draws(149)


def through_json(x, w):
    stored = json.dumps([float(v) for v in x])
    return np.array(json.loads(stored)) * w


def through_text(x, w):
    return np.array([float(f"{v:.17g}") for v in x]) @ w


def through_repr(x):
    return sum(float(repr(float(v))) ** 2 for v in x)


def through_bytes(x, w):
    return np.frombuffer(x.tobytes(), dtype=np.float64) * w


def through_struct(x):
    packed = struct.pack("3d", *x)
    return np.array(struct.unpack("3d", packed)) ** 2


def through_python_array(x):
    return np.asarray(array.array("d", x)) ** 2


def through_memoryview(x, w):
    return np.asarray(memoryview(x)) * w


def through_buffer(x, w):
    return np.frombuffer(x) * w


def through_a_pointer(x, w):
    pointer = x.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
    total = 0.0
    for i in range(len(x)):
        total += pointer[i] * w[i]
    return total


def through_pickle(x):
    return np.sin(pickle.loads(pickle.dumps(x)))


def through_a_file(x, w):
    stream = io.BytesIO()
    np.save(stream, x)
    stream.seek(0)
    return np.load(stream) * w


def through_savetxt(x):
    stream = io.StringIO()
    np.savetxt(stream, x, fmt="%.18e")
    stream.seek(0)
    return np.loadtxt(stream) ** 2


def through_fraction(x):
    return float(sum(Fraction(float(v)) ** 2 for v in x))


def through_decimal(x):
    return float(sum(Decimal(float(v)) * Decimal(2) for v in x))


def through_statistics(x):
    return statistics.fmean(x) + statistics.stdev(x) + statistics.median(x)


def through_torch(x, w):
    import torch

    return torch.softmax(torch.tensor(x), dim=0).numpy() * w


def through_from_numpy(x, w):
    import torch

    return torch.from_numpy(x).tanh().numpy() @ w


def through_bits(x):
    """The famous inverse square root, on the bits of the number."""
    half = 0.5 * x
    bits = (0x5FE6EB50C7B537A9 - (x.view(np.int64) >> 1)).astype(np.int64)
    y = bits.view(np.float64)
    for _ in range(5):
        y = y * (1.5 - half * y * y)
    return y


def through_masked_array(x, w):
    return (np.ma.masked_where(x < -0.5, x) * w).sum()


def through_records(x):
    table = np.zeros(len(x), dtype=[("value", "f8"), ("label", "i4")])
    table["value"] = x
    return table["value"] ** 2


def through_a_subclass(x, w):
    class Labelled(np.ndarray):
        pass

    return np.asarray(x.view(Labelled) * w)


def through_objects(x):
    return np.array([v * v for v in x.astype(object)], dtype=float)


def through_complex(x):
    return sum(complex(v, 2.0).real ** 2 for v in x)


def through_integers(x):
    """A float as its two parts."""
    total = 0.0
    for v in x:
        mantissa, exponent = math.frexp(v)
        total += math.ldexp(mantissa, exponent) ** 2
    return total


def through_copies(x):
    return copy.copy(x) * copy.deepcopy([x])[0]


def through_char(x, w):
    return np.char.mod("%.17g", x).astype(float) * w


CASES = [
    on(through_json, draw(3), draw(3), wrt="x w"),
    on(through_text, draw(3), draw(3), wrt="x w"),
    on(through_repr, draw(3), wrt="x"),
    on(through_bytes, draw(3), draw(3), wrt="x w"),
    on(through_struct, draw(3), wrt="x"),
    on(through_python_array, draw(3), wrt="x"),
    on(through_memoryview, draw(3), draw(3), wrt="x w"),
    on(through_buffer, draw(3), draw(3), wrt="x w"),
    on(through_a_pointer, draw(3), draw(3), wrt="x w"),
    on(through_pickle, draw(3), wrt="x"),
    on(through_a_file, draw(3), draw(3), wrt="x w"),
    on(through_savetxt, draw(3), wrt="x"),
    on(through_fraction, draw(3), wrt="x"),
    on(through_decimal, draw(3), wrt="x"),
    on(through_statistics, draw(3), wrt="x"),
    on(through_torch, draw(3), draw(3), wrt="x w"),
    on(through_from_numpy, draw(3), draw(3), wrt="x w"),
    on(through_bits, np.array([0.5, 1.7, 3.3]), wrt="x"),
    on(through_masked_array, draw(4), draw(4), wrt="x w"),
    on(through_records, draw(3), wrt="x"),
    on(through_a_subclass, draw(3), draw(3), wrt="x w"),
    on(through_objects, draw(3), wrt="x"),
    on(through_complex, draw(3), wrt="x"),
    on(through_integers, draw(3), wrt="x"),
    on(through_copies, draw(3), wrt="x"),
    on(through_char, draw(3), draw(3), wrt="x w"),
]
