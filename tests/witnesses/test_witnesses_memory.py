"""Arrays that share memory go on sharing it when one of them is replaced; a batch can lose a sample."""

import numpy as np
import pytest

from gradcheck.layers.problem import Variable
from gradcheck.witnesses.batch import few_samples, one_sample_fewer
from gradcheck.witnesses.memory import replacements


def test_an_array_by_itself_gets_a_copy_of_the_value():
    old, value = np.ones(3), np.arange(3.0)
    new = replacements([old, np.zeros(3)], [(old, value)])
    assert list(new) == [id(old)]
    assert new[id(old)].tolist() == [0, 1, 2]
    assert new[id(old)] is not value


VIEWS = {
    "reshaped": lambda flat: flat[:6].reshape(2, 3),
    "transposed": lambda flat: flat[:6].reshape(2, 3).T,
    "every other": lambda flat: flat[1::2],
    "backwards": lambda flat: flat[::-1],
    "one entry": lambda flat: flat[4:5],
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", VIEWS)
def test_views_of_a_replaced_vector_are_views_of_the_new_one(name, dtype):
    flat = np.arange(8.0, dtype=dtype)
    view = VIEWS[name](flat)
    new = replacements([flat, view], [(flat, np.arange(8.0) * 10)])
    assert new[id(flat)].dtype == np.float64
    np.testing.assert_array_equal(new[id(view)], VIEWS[name](np.arange(8.0) * 10))
    new[id(flat)][...] = 5
    assert np.all(new[id(view)] == 5)


@pytest.mark.parametrize("name", VIEWS)
def test_a_replaced_view_changes_the_whole_and_leaves_the_rest(name):
    flat = np.arange(8.0)
    view = VIEWS[name](flat)
    new = replacements([flat, view], [(view, np.full(view.shape, -1.0))])
    wanted = np.arange(8.0)
    VIEWS[name](wanted)[...] = -1
    np.testing.assert_array_equal(new[id(flat)], wanted)
    np.testing.assert_array_equal(flat, np.arange(8.0))


def variable(name, array, role="input"):
    return Variable(name, array, role, f"d{name}")


def test_the_batch_is_an_axis_that_input_and_output_share():
    x, labels, w = np.ones((5, 3)), np.arange(5), np.ones((3, 2))
    variables = [variable("x", x), variable("labels", labels), variable("w", w, "parameter")]
    (values, upstreams), *_ = one_sample_fewer(variables, {"x": x, "w": w}, [np.ones((5, 2))], [np.ones((5, 2))])
    assert {n: v.shape for n, v in values.items()} == {"x": (4, 3), "labels": (4,), "w": (3, 2)}
    assert upstreams[0].shape == (4, 2)


def test_the_batch_may_be_the_last_axis():
    x = np.ones((2, 5))
    ((values, upstreams),) = one_sample_fewer([variable("x", x)], {"x": x}, [np.ones((3, 5))], [np.ones((3, 5))])
    assert values["x"].shape == (2, 4)
    assert upstreams[0].shape == (3, 4)


def test_an_output_without_the_batch_keeps_its_upstream():
    x = np.ones((5, 2))
    ((values, upstreams),) = one_sample_fewer([variable("x", x)], {"x": x}, [np.ones(2)], [np.ones(2)])
    assert values["x"].shape == (4, 2)
    assert upstreams[0].shape == (2,)


@pytest.mark.parametrize("shape", [(2, 2), ()])
def test_no_batch_is_made_up(shape):
    x = np.ones(shape)
    assert list(one_sample_fewer([variable("x", x)], {"x": x}, [x], [x])) == []


def test_two_inputs_cut_from_one_array_are_two_variables():
    whole = np.arange(12.0).reshape(4, 3)
    x, y = whole[:-1], whole[1:]
    new = replacements([x, y], [(x, x + 10), (y, y + 20)])
    np.testing.assert_array_equal(new[id(x)], x + 10)
    np.testing.assert_array_equal(new[id(y)], y + 20)


def test_a_few_samples_are_of_a_length_that_nothing_else_has():
    x, labels, w = np.ones((1000, 20)), np.arange(1000), np.ones((20, 21))
    variables = [variable("x", x), variable("labels", labels), variable("w", w, "parameter")]
    ((values, upstreams),) = few_samples(variables, {"x": x, "w": w}, [np.ones((1000, 22))], 20 * 43)
    assert {n: v.shape for n, v in values.items()} == {"x": (23, 20), "labels": (23,), "w": (20, 21)}
    assert upstreams[0].shape == (23, 22)


def test_a_few_samples_of_as_many_as_there_are_units_leave_the_weights_whole_first():
    x, labels, w = np.ones((100, 100)), np.arange(100), np.ones((100, 30))
    variables = [variable("x", x), variable("labels", labels), variable("w", w)]
    first, second, *_ = few_samples(variables, {"x": x, "w": w}, [np.ones((100, 30))], 2000)
    assert [[v.shape for v in values.values()] for values, _ in (first, second)] == [
        [(15, 100), (100, 30), (15,)],
        [(12, 100), (12, 30), (12,)],
    ]


def test_of_a_small_batch_no_few_samples_are_made():
    x = np.ones((10, 9))
    assert list(few_samples([variable("x", x)], {"x": x}, [x], 100)) == []
