import functools

import numpy as np

from gradcheck.trace import Trace
from gradcheck.trace.sites import current_operation, current_site, is_users


def sites_of(forward):
    seen = []

    def hook(operation):
        seen.append((operation.name, operation.site))
        return operation.result

    trace = Trace(hook=hook)
    forward(trace.variable(np.array([0.5, 1.5]), "x"))
    return seen


def helper(x):
    return np.exp(x) * np.sin(x)


def outer(x):
    return helper(x) + helper(x * 2)


def test_operations_on_one_line_are_different_sites_with_their_columns():
    seen = sites_of(helper)
    assert [name for name, _ in seen] == ["exp", "sin", "multiply"]
    assert len({site for _, site in seen}) == 3
    assert len({site.line for _, site in seen}) == 1
    source = seen[0][1].where.source
    indent = 4
    for (_, site), text in zip(seen, ["np.exp(x)", "np.sin(x)", "np.exp(x) * np.sin(x)"], strict=True):
        _, _, begin, end = site.positions
        assert source[begin - indent : end - indent] == text
        assert site.file == __file__
        assert site.function == "helper"


def test_sites_differ_by_the_calls_that_led_to_them():
    seen = [site for name, site in sites_of(outer) if name == "exp"]
    assert len(seen) == 2
    assert seen[0] != seen[1]
    assert seen[0].line == seen[1].line
    assert seen[0].path[0] != seen[1].path[0]


def test_a_loop_is_one_site():
    def forward(x):
        for _ in range(5):
            x = np.tanh(x)
        return x

    assert len({site for _, site in sites_of(forward)}) == 1


def test_library_frames_are_passed_over():
    def forward(x):
        return functools.reduce(lambda a, b: a + b, [x, np.mean(x), x.sum()])

    for _, site in sites_of(forward):
        assert site.file == __file__
    assert is_users(helper.__code__)
    assert not is_users(np.mean.__wrapped__.__code__)
    assert not is_users(Trace.variable.__code__)
    assert not is_users(functools.wraps.__code__)
    assert current_site().function == "test_library_frames_are_passed_over"


def test_current_operation_is_the_users_instruction():
    class Asking:
        def __mod__(self, other):
            return current_operation()

        def __iadd__(self, other):
            return current_operation()

        def __setitem__(self, index, value):
            seen.append(current_operation())

    seen = []
    asking = Asking()
    # these methods are user frames themselves: it is their own call that is seen
    assert asking % 2 == "CALL"
    asking[0] = 1
    assert seen == ["CALL"]


def indexed(x):
    return x[1:]


def test_a_site_is_the_same_once_python_has_specialized_the_instruction():
    # the adaptive interpreter calls a __getitem__ written in Python by another instruction after some calls
    sites = {sites_of(indexed)[0][1] for _ in range(30)}
    assert len(sites) == 1
