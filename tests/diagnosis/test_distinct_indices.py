"""Indices that all differ hide a gradient that is written where it should be added."""

import numpy as np
import pytest

from gradcheck import check_layer

RNG = np.random.default_rng(0)
TABLE = RNG.standard_normal((6, 3))


def embedding(table, ids):
    return table[ids], (table, ids)


def backward(how):
    def back(dout, cache):
        table, ids = cache
        dtable = np.zeros_like(table)
        if how == "added":
            np.add.at(dtable, ids, dout)
        else:
            dtable[ids] += dout
        return dtable

    return back


@pytest.mark.parametrize(("ids", "severity"), [([4, 0, 2], "warning"), ([1, 0, 2], "info")])
def test_what_is_not_added_up_is_told(ids, severity):
    report = check_layer(embedding, backward("written"), TABLE, np.array(ids))
    assert report.ok
    [found] = report.findings
    assert (found.code, found.severity) == ("GC143", severity)
    assert found.title == "dtable is right here, and wrong where an index in ids occurs twice"


def test_what_is_added_up_gets_no_remark():
    assert not check_layer(embedding, backward("added"), TABLE, np.array([4, 0, 2])).findings


def test_labels_that_all_differ_get_no_remark():
    def loss(scores, labels):
        p = np.exp(scores - scores.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        rows = np.arange(len(labels))
        dscores = p.copy()
        dscores[rows, labels] -= 1
        return -np.log(p[rows, labels]).mean(), dscores / len(labels)

    report = check_layer(loss, RNG.standard_normal((3, 5)), np.array([4, 0, 2]))
    assert report.ok
    assert not report.findings
