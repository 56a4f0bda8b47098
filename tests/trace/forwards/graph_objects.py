# ruff: noqa
"""Forwards as graphs of objects: nodes in topological order, function nodes, wrapped arrays, scalars with parents."""

import numpy as np
from forwards._case import Case, draws, on

draw = draws(97)


class Node:
    """A graph sorted topologically; each node stores its value."""

    def __init__(self, inbound_nodes=[]):
        self.inbound_nodes = inbound_nodes
        self.value = None
        self.outbound_nodes = []
        for node in inbound_nodes:
            node.outbound_nodes.append(self)

    def forward(self):
        raise NotImplementedError


class Input(Node):
    def forward(self):
        pass


class Linear(Node):
    def __init__(self, X, W, b):
        Node.__init__(self, [X, W, b])

    def forward(self):
        X, W, b = (n.value for n in self.inbound_nodes)
        self.value = np.dot(X, W) + b


class Sigmoid(Node):
    def __init__(self, node):
        super().__init__([node])

    def _sigmoid(self, x):
        return 1.0 / (1.0 + np.exp(-x))

    def forward(self):
        self.value = self._sigmoid(self.inbound_nodes[0].value)


class MSE(Node):
    def __init__(self, y, a):
        super().__init__([y, a])

    def forward(self):
        y = self.inbound_nodes[0].value.reshape(-1, 1)
        a = self.inbound_nodes[1].value.reshape(-1, 1)
        self.m = self.inbound_nodes[0].value.shape[0]
        self.diff = y - a
        self.value = np.mean(self.diff**2)


def topological_sort(feed_dict):
    nodes, G = list(feed_dict), {}
    while nodes:
        n = nodes.pop(0)
        G.setdefault(n, {"in": set(), "out": set()})
        for m in n.outbound_nodes:
            G.setdefault(m, {"in": set(), "out": set()})
            G[n]["out"].add(m)
            G[m]["in"].add(n)
            nodes.append(m)
    L, S = [], list(feed_dict)
    while S:
        n = S.pop(0)
        if isinstance(n, Input):
            n.value = feed_dict[n]
        L.append(n)
        for m in n.outbound_nodes:
            if n in G[m]["in"]:
                G[m]["in"].remove(n)
                if not G[m]["in"]:
                    S.append(m)
    return L


def run_graph(feed, last):
    for n in topological_sort(feed):
        n.forward()
    return last.value


class Variable:
    """Array in .data, operators from a registry of functions, creators remembered."""

    __array_priority__ = 200

    def __init__(self, data):
        self.data = data
        self.creator = None

    def __add__(self, other):
        return Add()(self, other)

    def __mul__(self, other):
        return Mul()(self, other)

    def __neg__(self):
        return Variable(-self.data)

    def __matmul__(self, other):
        return MatMul()(self, other)

    @property
    def shape(self):
        return self.data.shape

    def __len__(self):
        return len(self.data)


def as_array(x):
    if np.isscalar(x):
        return np.array(x)
    return x


class Function:
    def __call__(self, *inputs):
        inputs = [x if isinstance(x, Variable) else Variable(as_array(x)) for x in inputs]
        xs = [x.data for x in inputs]
        ys = self.forward(*xs)
        if not isinstance(ys, tuple):
            ys = (ys,)
        outputs = [Variable(as_array(y)) for y in ys]
        for output in outputs:
            output.creator = self
        self.inputs = inputs
        return outputs if len(outputs) > 1 else outputs[0]


class Add(Function):
    def forward(self, x0, x1):
        self.x0_shape, self.x1_shape = x0.shape, x1.shape
        return x0 + x1


class Mul(Function):
    def forward(self, x0, x1):
        return x0 * x1


class MatMul(Function):
    def forward(self, x, W):
        return x.dot(W)


class Exp(Function):
    def forward(self, x):
        return np.exp(x)


class SplitTwo(Function):
    def forward(self, x):
        return x[:, :1], x[:, 1:]


def variable_expression(x, w, b):
    x, w, b = Variable(x), Variable(w), Variable(b)
    left, right = SplitTwo()(x @ w + b)
    return (Exp()(-(left * right)) + 2.0).data


class FunctionNode:
    """forward takes and returns tuples and retains what backward needs."""

    def retain_inputs(self, indexes):
        self._to_retain = indexes

    def apply(self, inputs):
        outputs = self.forward(inputs)
        assert type(outputs) is tuple
        return outputs


class LinearFunction(FunctionNode):
    def forward(self, inputs):
        self.retain_inputs((0, 1))
        x = inputs[0].reshape(len(inputs[0]), -1)
        W = inputs[1]
        y = x.dot(W.T).astype(x.dtype, copy=False)
        if len(inputs) == 3:
            b = inputs[2]
            y += b
        return (y,)


class ClippedReLU(FunctionNode):
    def __init__(self, z):
        self.cap = z

    def forward(self, inputs):
        (x,) = inputs
        return (np.minimum(np.maximum(0, x), self.cap).astype(x.dtype, copy=False),)


def function_nodes(x, W, b):
    (h,) = LinearFunction().apply((x, W, b))
    (h,) = ClippedReLU(1.0).apply((h,))
    (y,) = LinearFunction().apply((h, W[:, :3]))
    return y


class Value:
    """Scalars with a graph behind each of them."""

    def __init__(self, data, _children=(), _op=""):
        self.data = data
        self._prev = set(_children)
        self._op = _op

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), "+")

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), "*")

    __radd__ = __add__
    __rmul__ = __mul__

    def tanh(self):
        import math

        return Value((math.exp(2 * self.data) - 1) / (math.exp(2 * self.data) + 1), (self,), "tanh")


def value_mlp(x, W, b):
    xs = [Value(v) for v in x]
    outs = []
    for row, bias in zip(W, b):
        act = sum((Value(wi) * xi for wi, xi in zip(row, xs)), Value(bias))
        outs.append(act.tanh())
    return [o.data for o in outs]


graph_in, graph_W, graph_b = Input(), Input(), Input()
graph_y = Input()
graph_last = MSE(graph_y, Sigmoid(Linear(graph_in, graph_W, graph_b)))
feed = {graph_in: draw(4, 3), graph_W: draw(3, 1), graph_b: draw(1), graph_y: draw(4)}

CASES = [
    Case(
        "graph of nodes",
        lambda: run_graph(feed, graph_last),
        {"x": feed[graph_in], "W": feed[graph_W], "b": feed[graph_b]},
    ),
    on(variable_expression, draw(3, 2), draw(2, 2), draw(2), wrt="x w b"),
    on(function_nodes, draw(3, 4), draw(3, 4), draw(3), wrt="x W b"),
    on(value_mlp, draw(3), draw(2, 3), draw(2), wrt="x W b"),
]
