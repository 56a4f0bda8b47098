"""Every sample is recognised without configuration, and its gradients reach the right names, at any values."""

import layers_samples_activations
import layers_samples_arguments
import layers_samples_functions
import layers_samples_holders
import layers_samples_objects
import layers_samples_pairs
import layers_samples_updates
import numpy as np
import pytest
from layers_sample import SAMPLES

from gradcheck.layers import STYLES, adapt
from gradcheck.state import State

# importing a module of samples is what fills the table
MODULES = [
    layers_samples_pairs,
    layers_samples_activations,
    layers_samples_functions,
    layers_samples_objects,
    layers_samples_holders,
    layers_samples_arguments,
    layers_samples_updates,
]


def evaluated(problem, values, upstreams):
    """Forward and backward with ``values`` in the places of the variables; everything put back."""
    state = State(*problem.roots)
    snapshot = state.snapshot()
    new = {id(v.array): values[v.name] for v in problem.variables if v.name in values and not v.slots}
    try:
        with state.substituted(lambda value: new.get(id(value), value)):
            for v in problem.variables:
                for slot in v.slots:
                    slot.set(float(values[v.name]))
            outputs = problem.forward()
            if upstreams is None:
                rng = np.random.default_rng(5)
                one = problem.upstream == "one"
                upstreams = [np.ones(np.shape(o)) if one else rng.standard_normal(np.shape(o)) for o in outputs]
            gradients = problem.backward([u.copy() for u in upstreams])
            kept = {name: None if g is None else np.array(g) for name, g in gradients.values.items()}
            return kept, gradients.faults, upstreams
    finally:
        snapshot.restore()


@pytest.mark.parametrize("name", SAMPLES)
def test_recognised_and_right(name):
    sample = SAMPLES[name]()
    before = [np.array(a) for a in sample.args if isinstance(a, np.ndarray)]
    problem = adapt(sample.args, **sample.options)
    try:
        assert problem.style == sample.style
        if sample.note:
            assert sample.note in " ".join(problem.notes)
        wanted = {v.name: v for v in problem.variables if v.differentiated}
        values = {n: np.array(v.array) for n, v in wanted.items()}
        for _ in range(2):
            given, faults, upstreams = evaluated(problem, values, None)
            assert not faults
            truth = sample.truth(values, upstreams)
            assert set(truth) == set(wanted)
            for key, true in truth.items():
                assert given[key] is not None, key
                assert given[key].shape == np.shape(true), key
                np.testing.assert_allclose(given[key], true, rtol=1e-9, atol=sample.loose)
            values = {n: v * 1.5 + 0.25 for n, v in values.items()}
        for key, label in sample.labels.items():
            assert wanted[key].gradient == label
    finally:
        problem.close()
    after = [a for a in sample.args if isinstance(a, np.ndarray)]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


def test_there_are_samples_of_every_style():
    assert len(SAMPLES) >= 60
    assert len(set(STYLES)) == len(STYLES)
