"""The caller's mistakes with whole networks, told with the argument and what would be right."""

import pytest
from layers_networks import Net, X

from gradcheck.errors import GradcheckError
from gradcheck.layers import adapt_network, from_update

MISTAKES = [
    (lambda n: (n, None), {}, "loss is None: give a callable without arguments"),
    (lambda n: (n, lambda x: x), {}, "loss takes arguments (x): give a callable without any"),
    (lambda n: (n, n.loss, lambda x: x), {}, "gradients takes arguments (x): give a callable without any"),
    (lambda n: (n, n.loss, {"W1": 1}), {}, "gradients is a dict with the keys 'W1': give a callable"),
    (lambda n: (None, n.loss, n.named), {}, "the network is None: give the object that holds the parameters"),
    (
        lambda n: (n, lambda: X, n.named),
        {},
        "loss() returned an array of shape (5, 4), float64: it must return one number",
    ),
    (lambda n: (n, lambda: 3, n.named), {}, "loss() returned the int 3, which is no float"),
    (lambda n: (n, lambda: float("nan"), n.named), {}, "loss() returned nan: check at parameters"),
    (lambda n: (n, lambda: 1 / 0, n.named), {}, "loss() raised ZeroDivisionError: division by zero at "),
    (lambda n: (n, n.loss, lambda: n.nothing), {}, "gradients() raised AttributeError: "),
    (lambda n: (n, n.loss, lambda: None), {}, "gradients() returned nothing, and no stored gradients were found"),
    (lambda n: (n, n.loss, lambda: {"q": X}), {}, 'Name parameters and gradients alike: params={"W1": net.W1, ...}'),
    (lambda n: (n, n.loss, n.named, 3), {}, "params is the int 3: give a dict of arrays by name"),
    (lambda n: (n, n.loss, n.named, {}), {}, "params is empty: name at least one array"),
    (lambda n: (n, n.loss, n.named, {"W1": [1.0]}), {}, "params: W1 is a list of 1: give the very array"),
    (lambda n: (n, n.loss, n.named, {"W1": n.W1.copy()}), {}, "params: W1 is not an array that the network uses"),
    (lambda n: (n, n.loss, n.named), {"wrt": ["W9"]}, "wrt names 'W9', which Net does not have: it has 'W1', 'b1'"),
    (lambda n: (n, n.loss, n.named), {"constants": ["W9"]}, "constants names 'W9', which Net does not have"),
    (lambda n: (n, n.loss, from_update(lambda: None, lr=1)), {}, "the step of from_update changed no parameter"),
    (lambda n: (n, n.loss, from_update(lambda: 1 / 0, lr=1)), {}, "the step of from_update raised ZeroDivisionError"),
    (lambda n: from_update(3, lr=1), {}, "from_update needs the step as a callable"),
    (lambda n: from_update(n.loss, lr=0), {}, "from_update(lr=0): give the learning rate of the step"),
    (lambda n: from_update(n.loss, lr=float("nan")), {}, "from_update(lr=nan): give the learning rate"),
]


@pytest.mark.parametrize(("arguments", "options", "text"), MISTAKES)
def test_mistakes_are_told(arguments, options, text):
    net = Net()
    before = dict(vars(net))
    with pytest.raises(GradcheckError) as caught:
        adapt_network(*arguments(net), **options)
    assert text in str(caught.value)
    assert vars(net).keys() == before.keys()
