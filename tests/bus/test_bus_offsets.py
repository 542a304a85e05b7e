from hypothesis import given
from hypothesis import strategies as st

from simpul.bus.assignment import Assignment
from simpul.bus.message import Coordinates
from simpul.bus.offsets import Offsets

offsets_with_gaps = st.lists(st.integers(1, 3), max_size=30).map(
    lambda steps: [sum(steps[: index + 1]) for index in range(len(steps))]
)


@given(st.data())
def test_the_offset_to_commit_is_the_lowest_not_acknowledged(data):
    offsets = data.draw(offsets_with_gaps)
    acknowledged = data.draw(st.permutations(offsets))[: data.draw(st.integers(0, len(offsets)))]
    # Deliveries and acknowledgements in any interleaving that a consumer could see.
    tracker, delivered, done = Offsets(), [], set()
    waiting = list(acknowledged)
    for offset in offsets:
        tracker.deliver(offset)
        delivered.append(offset)
        for ready in [each for each in waiting if each in delivered and data.draw(st.booleans())]:
            waiting.remove(ready)
            assert tracker.acknowledge(ready)
            assert not tracker.acknowledge(ready)
            done.add(ready)
        open_ = [each for each in delivered if each not in done]
        assert tracker.to_commit() == (open_[0] if open_ else delivered[-1] + 1)
        assert tracker.unacknowledged == len(open_)
        assert [each for each in delivered if tracker.awaits(each)] == open_


@given(offsets_with_gaps, st.integers(0, 100))
def test_what_was_never_delivered_cannot_be_acknowledged(offsets, other):
    tracker = Offsets()
    for offset in offsets:
        tracker.deliver(offset)
    assert tracker.acknowledge(other) == (other in offsets)


def test_nothing_is_committed_twice_or_before_anything_came():
    tracker = Offsets()
    assert tracker.to_commit() is None
    tracker.deliver(7)
    tracker.acknowledge(7)
    assert tracker.to_commit() == 8
    tracker.committed = 8
    assert tracker.to_commit() is None


def test_a_partition_that_starts_over_is_followed_down():
    tracker = Offsets()
    tracker.deliver(7)
    tracker.acknowledge(7)
    tracker.committed = tracker.to_commit()
    tracker.deliver(2)
    assert tracker.to_commit() == 2
    tracker.acknowledge(2)
    assert tracker.to_commit() == 3


def test_partitions_that_stay_keep_what_is_done_and_those_that_come_back_start_anew():
    assignment = Assignment()
    assert assignment.replace({("t", 0), ("t", 1)}) == ({("t", 0), ("t", 1)}, set())
    assignment.deliver(("t", 0), [0, 1])
    assignment.deliver(("t", 1), [5])
    assignment.acknowledge([Coordinates("t", 0, 0)])
    assert assignment.replace({("t", 0), ("t", 2)}) == ({("t", 2)}, {("t", 1)})
    assert assignment.to_commit() == {("t", 0): 1}
    # An acknowledgement from before the partition went.
    assignment.acknowledge([Coordinates("t", 1, 5)])
    assignment.replace({("t", 0), ("t", 1)})
    assignment.acknowledge([Coordinates("t", 1, 5)])
    assert assignment.unacknowledged() == 1
    assert assignment.to_commit() == {("t", 0): 1}
