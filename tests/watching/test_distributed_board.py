"""Notes in a store, and steps that are agreed on, without processes: several boards of one store."""

import socket

import pytest
from torch import distributed
from torch.distributed import distributed_c10d

from gradcheck.health.monitor import Monitor
from gradcheck.watching.pytorch.distributed.agreement import Agreement, SharedSchedule
from gradcheck.watching.pytorch.distributed.board import Board
from gradcheck.watching.pytorch.distributed.collector import Collector
from gradcheck.watching.pytorch.distributed.group import Group
from gradcheck.watching.pytorch.distributed.line import Line


@pytest.fixture
def store(monkeypatch):
    made = distributed.HashStore()
    monkeypatch.setattr(distributed_c10d, "_get_default_store", lambda: made)
    return made


@pytest.mark.usefixtures("store")
def test_notes_are_there_for_everybody_until_they_are_removed():
    one, two = Board("a training", 0), Board("a training", 1)
    one.leave("greeting", {"large": list(range(5000))})
    assert two.has(["greeting"])
    assert not two.has(["greeting", "another"])
    assert two.take(["greeting"]) == [{"large": list(range(5000))}]
    assert one.messages == 1
    assert one.sent < 15_000  # fewer than as they were
    two.remove("greeting")
    assert not one.has(["greeting"])
    assert not one.wait(["greeting"], 0.01)


@pytest.mark.usefixtures("store")
def test_each_watch_has_a_board_of_its_own():
    first = [Board("a training", rank) for rank in (0, 1)]
    first[0].leave("note", 1)
    second = [Board("a training", rank) for rank in (0, 1)]
    other = Board("another training", 0)
    assert first[1].has(["note"])
    assert not any(board.has(["note"]) for board in (*second, other))


def test_where_there_is_no_store_nothing_is_raised():
    board = Board("a training", 0)
    assert "process group" in board.lost
    board.leave("note", 1)
    board.remove("note")
    assert (board.has(["note"]), board.take(["note"]), board.wait(["note"], 9.0)) == (False, [], False)


def test_a_store_that_breaks_is_lost_and_nothing_is_raised(store, monkeypatch):
    class Broken:
        def __getattr__(self, name):
            raise RuntimeError(f"Connection reset by peer\nin {name}")

    board = Board("a training", 0)
    assert not board.lost
    monkeypatch.setattr(board, "_store", Broken())
    board.leave("note", 1)
    assert board.lost == "RuntimeError: Connection reset by peer"
    assert not board.has(["note"])
    assert store.num_keys() >= 1  # the store itself is as it was


def test_a_store_whose_process_has_gone_is_not_connected_to_anew(monkeypatch):
    class Gone:
        def check(self, names):
            raise distributed.DistNetworkError("Connection reset by peer")

        def clone(self):
            raise AssertionError("it would be tried until the timeout of the process group")

    monkeypatch.setattr(distributed_c10d, "_get_default_store", Gone)
    board = Board("a training", 0)
    assert board.lost == "DistNetworkError: Connection reset by peer"
    assert not board.wait(["note"], 60)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("wanted", range(16, 33))
def test_what_one_wants_all_do_at_the_same_step(wanted):
    boards = [Board("a training", rank) for rank in range(3)]
    agreements = [Agreement(board, "burst") for board in boards]
    done = [[], [], []]
    for step in range(60):
        for rank, agreement in enumerate(agreements):  # rank 2 is the last to come to each step
            if rank == 2 and step == wanted:
                agreement.want(step)
            if agreement.due(step):
                done[rank].append(step)
    assert done[0] == done[1] == done[2]
    [step] = done[0]
    assert wanted + 8 <= step <= wanted + 16


@pytest.mark.usefixtures("store")
def test_it_can_be_wanted_again():
    agreements = [Agreement(Board("a training", rank), "burst") for rank in range(2)]
    done = [[], []]
    for step in range(100):
        for rank, agreement in enumerate(agreements):
            if step in (10, 11, 50):
                agreement.want(step)
            if agreement.due(step):
                done[rank].append(step)
    assert done == [[24, 64], [24, 64]]


def test_a_jump_on_one_rank_is_a_wish_and_no_burst_yet():
    schedule = SharedSchedule()
    for step in range(40):
        schedule.samples(step)
        schedule.saw("loss", 1.0)
    assert not schedule.wanted
    schedule.saw("loss", 100.0)
    assert schedule.wanted
    before = [step for step in range(40, 45) if schedule.samples(step)]
    schedule.burst()
    assert len(before) <= 1
    assert all(schedule.samples(step) for step in range(45, 50))


class AtAPort:
    """What is asked of a TCP store before anything else."""

    def __init__(self, port: int) -> None:
        self.host, self.port = "127.0.0.1", port

    def check(self, names):
        raise AssertionError("C++ frames would be printed")


def test_a_server_that_ends_is_seen_without_a_request():
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    line = Line(AtAPort(port))
    server_side, _ = server.accept()
    assert not line.closed
    server_side.close()
    assert line.closed
    server.close()
    assert Line(AtAPort(port)).closed
    assert not Line(distributed.HashStore()).closed  # of others nothing is known


def test_a_store_whose_server_has_ended_is_not_asked(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setattr(distributed_c10d, "_get_default_store", lambda: AtAPort(port))
    board = Board("a training", 0)
    assert board.lost == "its server has ended"
    assert not board.has(["note"])


@pytest.mark.usefixtures("store")
def test_who_could_not_be_heard_is_not_said_to_be_unwatched():
    board = Board("a training", 0)
    collector = Collector(Group("DDP", (0, 1, 2), 0), board, Monitor(), lambda sample: None)
    assert [remark.split(":")[0] for remark in collector.remarks(9)] == [
        "nothing was heard of rank 1",
        "nothing was heard of rank 2",
    ]
    board.lost = "its server has ended"
    [remark] = collector.remarks(9)
    assert remark == (
        "ranks 1 and 2 could not be heard: the store through which the processes meet was gone (its server has ended)"
    )
