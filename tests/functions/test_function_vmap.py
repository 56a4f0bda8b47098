"""A Function under torch.vmap against a loop over the samples."""

import function_zoo as zoo
import pytest
import torch

from gradcheck import check_layer


def normal(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize(
    "call",
    [
        lambda **k: check_layer(zoo.Generated, normal(4, 3), 2 * normal(4, 3), **k),
        lambda **k: check_layer(zoo.RightRule, normal(4, 3), 0, **k),
        lambda **k: check_layer(zoo.RightRule, normal(3, 3), -1, **k),
        lambda **k: check_layer(zoo.RightRule, normal(4, 3).float(), 0, **k),
    ],
)
def test_right_rules(call):
    report = call()
    assert report.ok, str(report)
    assert report.findings == ()


def test_a_rule_that_forgets_the_new_axis():
    report = check_layer(zoo.WrongRule, normal(4, 3), 0)
    [finding] = report.findings
    assert finding.code == "GC159"
    assert finding.title == "under torch.vmap the output is not what a loop over the samples gives"
    assert finding.evidence[0].startswith("everything batched along axis 0: sample 1 of 3 differs by")
    assert [g.verdict for g in report.gradients] == ["right"]
    assert not report.ok


def test_a_rule_whose_gradient_alone_is_wrong():
    class Gradient(zoo.RightRule):
        @staticmethod
        def vmap(info, in_dims, x, dim):
            return 2 * x.movedim(in_dims[0], 0).softmax(dim + 1) - x.movedim(in_dims[0], 0).softmax(dim + 1).detach(), 0

    report = check_layer(Gradient, normal(4, 3), 0)
    assert report.findings[0].title == "under torch.vmap dx is not what a loop over the samples gives"


def test_a_rule_that_takes_the_batch_axis_for_the_first():
    assert [f.code for f in check_layer(zoo.WrongAxis, normal(3, 3), 0).findings] == ["GC159"]


def test_a_rule_that_cannot_do_with_what_is_not_batched():
    [finding] = check_layer(zoo.WithoutNone, normal(4, 3), 2 * normal(4, 3)).findings
    assert finding.code == "GC160"
    assert finding.title == "torch.vmap of it raises where x alone is batched"


def test_a_function_without_a_rule_is_asked_only_on_request():
    assert check_layer(zoo.Twice, normal(4, 3)).ok
    [finding] = check_layer(zoo.Twice, normal(4, 3), vmap=True).findings
    assert finding.code == "GC160"
    assert finding.title == "torch.vmap of it raises"
    assert "setup_context" in finding.evidence[0]


def test_a_rule_is_not_asked_where_it_was_declined():
    assert check_layer(zoo.WrongRule, normal(4, 3), 0, vmap=False).ok
