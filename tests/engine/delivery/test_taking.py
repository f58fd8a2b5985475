"""The slots of a worker: who takes jobs waits for room, and for the last job's end."""

import threading

from engine.delivery.taking import Slots


def never() -> bool:
    return False


def test_room_is_waited_for_until_a_job_has_ended() -> None:
    slots = Slots(2)
    assert slots.wait_for_one(never) == 2
    slots.take(2)
    found: list[int] = []
    waiting = threading.Thread(target=lambda: found.append(slots.wait_for_one(never)))
    waiting.start()
    assert not found
    slots.give_back()
    waiting.join(5)
    assert found == [1]


def test_who_waits_is_let_go_when_it_is_over() -> None:
    slots, over = Slots(1), threading.Event()
    slots.take(1)
    waits = [
        threading.Thread(target=slots.wait_for_one, args=[over.is_set]),
        threading.Thread(target=slots.wait_for_all, args=[over.is_set]),
    ]
    for each in waits:
        each.start()
    over.set()
    for each in waits:
        slots.wake()
        each.join(5)
    assert not any(each.is_alive() for each in waits)


def test_idle_means_that_every_job_has_ended() -> None:
    slots = Slots(2)
    slots.take(2)
    waiting = threading.Thread(target=slots.wait_for_all, args=[never])
    waiting.start()
    slots.give_back()
    waiting.join(0.05)
    assert waiting.is_alive()
    slots.give_back()
    waiting.join(5)
    assert not waiting.is_alive()
