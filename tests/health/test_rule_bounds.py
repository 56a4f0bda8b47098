"""The rules remember as much of a long training as of a short one, and each can be read about."""

import math
import pickle

import numpy as np
from made_samples import PLACE, layer, output, parameter, sample

from gradcheck.health.catalogue import RULES, rules
from gradcheck.health.monitor import Monitor
from gradcheck.health.sample import Birth, GradientClip, ValueClip


def eventful(step: int):
    """A sample in which nearly every rule has something to note."""
    size = 10.0 ** (step % 7)
    return sample(
        step,
        loss=2.3 + math.sin(step),
        layers=[
            layer("a", output=1.0, gradient=1e-9 * size),
            layer("b", output=size, gradient=1e-5),
            layer("c", output=size**2, gradient=1.0),
            layer("r", "relu", active=np.arange(64) < step % 9, flat=0.5, slope=0.7),
            layer("s", "tanh", flat=1.0, slope=10.0 ** -(step % 5), passes="1 of 4 positions"),
        ],
        parameters=[
            parameter("a.weight", update=0.1 * size, gradient=size),
            parameter("b.weight", gradient=None, trained=step % 2 == 0),
            parameter("c.weight", update=0.0),
        ],
        output=output([0, 0, 0, 64, 0, 0, 0, 0, 0, 0], [6, 7, 6, 7, 6, 7, 6, 7, 6, 6]),
        value_clips=[ValueClip("np.clip", PLACE, 100, step % 100, 0, -1.0, 1.0)],
        gradient_clips=[GradientClip("clip", PLACE, 1.0, size, min(1.0, 1 / size), f"w{step % 300}", size)],
    )


def remembered(samples: int) -> int:
    every = rules()
    for step in range(samples):
        one = eventful(step)
        for rule in every:
            rule.step(step, 2.3 + math.sin(step))
            rule.observe(one)
            if step % 50 == 7:
                rule.birth(Birth(step, "forward", "NaN", f"log {step}", PLACE))
    assert [finding for rule in every for finding in rule.findings()]
    return len(pickle.dumps(every))


def test_memory_does_not_grow():
    assert remembered(8000) <= 1.1 * remembered(2000)


def test_a_long_run_of_losses_takes_no_more():
    every = rules()

    def run(first: int, last: int) -> int:
        for step in range(first, last):
            for rule in every:
                rule.step(step, 2.3 + math.sin(step))
        return len(pickle.dumps(every))

    short = run(0, 1000)
    assert run(1000, 100_000) <= 1.1 * short


def test_every_rule_has_a_code_of_its_own_and_says_what_it_looks_for():
    assert len({rule.code for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.__doc__
        assert rule.__doc__ != type(rule).__doc__
        assert list(rule().findings()) == []


def test_findings_may_be_asked_for_at_any_time_and_again():
    monitor = Monitor()
    for step in range(40):
        monitor.step(step, 2.3 + math.sin(step))
        monitor.observe(eventful(step))
        assert monitor.findings() == monitor.findings()
    for finding in monitor.findings():
        assert len(finding.title) < 160
        assert finding.step is not None
        assert finding.help or finding.severity == "info"
