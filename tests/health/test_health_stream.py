import json
import math

import numpy as np
import pytest

from gradcheck.errors import GradcheckError
from gradcheck.health.sample import (
    GradientClip,
    LayerSample,
    OutputSample,
    ParameterSample,
    Sample,
    Stats,
    ValueClip,
)
from gradcheck.health.stream import Stream, read
from gradcheck.report import Where


def stats(norm: float, **more: object) -> Stats:
    return Stats(100, norm, "float32", **more)


def sample(step: int = 3, loss: float = 0.5) -> Sample:
    return Sample(
        step,
        loss,
        samples=16,
        layers=[
            LayerSample(
                "nan",
                "relu",
                (16, 64),
                activation=stats(5.0, zeros=0, high=math.inf),
                gradient=stats(math.nan, bad=3),
                flat=0.5,
                active=np.arange(64) % 4 > 0,
                where=Where("net.py", 12, "forward", "    x = relu(x)"),
            )
        ],
        parameters=[ParameterSample("w", "fc", (4, 5), "weight", stats(2.0), lr=0.1, trained=False)],
        output=OutputSample("cross-entropy", 10, np.array([0, 16, 0]), np.array([5, 5, 6])),
        value_clips=[ValueClip("np.clip", None, 40, 0, 3, low=-math.inf, high=1.0)],
        gradient_clips=[GradientClip("clip_grad_norm_", None, 1.0, norm=math.inf, factor=0.0)],
    )


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def test_each_sample_is_one_line_that_strict_readers_read(tmp_path):
    stream = Stream(tmp_path / "health.jsonl")
    for step in range(3):
        stream(sample(step))
    lines = (tmp_path / "health.jsonl").read_text(encoding="utf-8").splitlines()
    documents = [json.loads(line, parse_constant=refuse) for line in lines]
    assert [document["step"] for document in documents] == [0, 1, 2]


def test_what_was_written_is_read_with_numbers_that_are_not_finite_as_such(tmp_path):
    stream = Stream(str(tmp_path / "health.jsonl"))
    stream(sample(loss=math.nan))
    [told] = read(tmp_path / "health.jsonl")
    assert math.isnan(told["loss"])
    [layer] = told["layers"]
    assert layer["name"] == "nan"
    assert math.isnan(layer["gradient"]["norm"])
    assert math.isnan(layer["gradient"]["rms"])
    assert layer["activation"]["high"] == math.inf
    assert layer["activation"]["rms"] == 0.5
    assert told["value_clips"][0]["low"] == -math.inf
    assert told["gradient_clips"][0]["norm"] == math.inf


def test_arrays_are_told_in_a_few_numbers(tmp_path):
    Stream(tmp_path / "s.jsonl")(sample())
    [told] = read(tmp_path / "s.jsonl")
    assert told["layers"][0]["active"] == {"size": 64, "set": 48}
    assert told["output"]["predicted"] == {"size": 3, "sum": 16, "largest": 16, "at": 1}


def test_what_was_not_measured_is_left_out_and_a_measured_zero_is_not(tmp_path):
    Stream(tmp_path / "s.jsonl")(sample())
    [told] = read(tmp_path / "s.jsonl")
    activation = told["layers"][0]["activation"]
    assert activation["zeros"] == 0
    assert "mean" not in activation
    assert "first" not in told
    assert told["parameters"][0]["trained"] is False
    assert "frozen" not in told["parameters"][0]
    assert told["value_clips"][0]["at_low"] == 0


def test_nothing_is_written_before_the_first_sample(tmp_path):
    stream = Stream(tmp_path / "s.jsonl")
    assert not stream.path.exists()


def test_a_second_training_adds_to_the_file_under_a_name_of_its_own(tmp_path):
    first, second = Stream(tmp_path / "s.jsonl"), Stream(tmp_path / "s.jsonl")
    second.run = "later"
    first(sample(1))
    second(sample(2))
    assert [line["run"] for line in read(tmp_path / "s.jsonl")] == [first.run, "later"]


def test_the_file_stays_where_it_was_when_the_training_goes_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stream = Stream("s.jsonl")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    stream(sample())
    assert (tmp_path / "s.jsonl").exists()


def test_a_line_that_is_cut_short_is_left_out(tmp_path):
    Stream(tmp_path / "s.jsonl")(sample())
    with (tmp_path / "s.jsonl").open("a") as file:
        file.write('{"step": 4, "la')
    assert [line["step"] for line in read(tmp_path / "s.jsonl")] == [3]


def test_a_disk_that_is_full_is_told_once_and_stops_no_training(tmp_path):
    (tmp_path / "folder").mkdir()
    stream = Stream(tmp_path / "folder" / "s.jsonl")
    (tmp_path / "folder").rmdir()
    with pytest.warns(RuntimeWarning, match="a sample was not written"):
        stream(sample())
    stream(sample())


@pytest.mark.parametrize(
    ("text", "message"),
    [("nonsense\n", "line 1 of .* is not JSON"), ("{}\n[]\n", "line 2 of .* is not a JSON object")],
)
def test_what_is_no_stream_is_refused(tmp_path, text, message):
    (tmp_path / "s.jsonl").write_text(text)
    with pytest.raises(GradcheckError, match=message):
        list(read(tmp_path / "s.jsonl"))


def test_a_stream_that_cannot_be_is_refused_before_the_training(tmp_path):
    with pytest.raises(GradcheckError, match="stream: there is no folder"):
        Stream(tmp_path / "nowhere" / "s.jsonl")
    with pytest.raises(GradcheckError, match="is a folder; give the name of a file"):
        Stream(tmp_path)
    with pytest.raises(GradcheckError, match="it must be the name of a file, not int"):
        Stream(3)
    with pytest.raises(GradcheckError, match="cannot be read"):
        list(read(tmp_path / "nothing.jsonl"))


def test_a_line_stays_short_for_wide_layers(tmp_path):
    layer = LayerSample("fc", "relu", (64, 10**6), activation=stats(1.0), active=np.ones(10**6, bool))
    Stream(tmp_path / "s.jsonl")(Sample(0, layers=[layer]))
    assert (tmp_path / "s.jsonl").stat().st_size < 500
