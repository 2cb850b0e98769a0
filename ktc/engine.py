"""Events shared out to threads, and what they give put in order again.

    events ----> block k ----> a worker's own chain of stages ----> its taps, in memory
                                                                       |
                 lane A: block 0, 1, 2 ... <---------------------------+
                 lane B: block 0, 1, 2 ...                             (one payload for each tap and block)

A *worker* is a thread with its own kernels; model, portfolio and programmes are shared. It takes the next
block of events as soon as it is free. A *tap* is a sink in memory at the end of its chain. A *lane* takes
the payloads of one tap in the order of the events, one at a time, whichever thread brings them: so what is
written and what is added up does not depend on threads or blocks. Lanes run side by side, and each thread
that has brought something works on those that are free.
"""

from __future__ import annotations

import threading
import time
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray


__all__ = ["Engine", "Lane"]

SECONDS = 0.2  # of one block, as far as events allow; each end of one is a turn of the interpreter
FIRST_BLOCK = 4  # events
MOST_EVENTS = 1024  # of a block
AHEAD = 6  # blocks of a worker that wait in front of a lane
TICK = 0.1  # seconds between looks at progress and cancelling


class Lane:
    """Takes the payloads of the taps of one name in the order of blocks.

    Parameters
    ----------
    name : str
        Of the tap.
    take : callable
        Called with (block, payload), by one thread at a time.
    """

    def __init__(self, name: str, take: Callable[[int, bytes], object]) -> None:
        self.name, self.take = name, take
        self.next = 0
        self.waiting: dict[int, bytes] = {}
        self.lock = threading.Lock()
        self.seconds = 0.0

    def work(self) -> int:
        """Take what is there and next. Gives the bytes that were taken."""
        taken = 0
        while self.next in self.waiting and self.lock.acquire(blocking=False):
            try:
                began = time.perf_counter()
                while self.next in self.waiting:
                    payload = self.waiting.pop(self.next)
                    self.take(self.next, payload)
                    taken += len(payload)
                    self.next += 1
                self.seconds += time.perf_counter() - began
            finally:
                self.lock.release()
        return taken


class Engine:
    """Runs events through workers and lanes.

    Parameters
    ----------
    make : callable
        Makes a worker: an object with `taps`, a list of (name, take), and feed(ids).
    events : array of int32
        In the order in which they are worked out.
    threads : int
        Workers.
    lanes : dict
        By name of a tap: its lanes, each of which gets the tap's payloads.
    first : int, default 0
        The events before this one are done already.
    block : int, optional
        Events of a block; by default they are chosen so that a block takes a fifth of a second.
    most_waiting : int, default 256 MiB
        Bytes that wait in front of lanes, beyond which no new block is begun.
    """

    def __init__(
        self,
        make: Callable[[], Any],
        events: NDArray[np.int32],
        threads: int,
        lanes: dict[str, list[Lane]],
        *,
        first: int = 0,
        block: int | None = None,
        most_waiting: int = 256 << 20,
    ) -> None:
        self.most_waiting = most_waiting
        self.make, self.events, self.threads, self.lanes = make, events, threads, lanes
        self.every = [lane for some in lanes.values() for lane in some]
        self.block, self.at, self.blocks = block, first, 0
        self.ends: list[int] = []  # by block: the event after its last
        self.condition = threading.Condition()
        self.error: BaseException | None = None
        self.stopped = False
        self.waiting = 0  # bytes
        self.pace = 0.0  # seconds an event
        self.seconds = {"losses": 0.0, "reports": 0.0}
        self.before: deque[Callable[[], object]] = deque()
        self.tasks: deque[Callable[[], object]] = deque()
        self.between: Callable[[], object] | None = None
        self.once = threading.Lock()
        self.preparing = 0  # threads with a task of those before
        self.first_event = first

    # --- what is to be done

    def done_blocks(self) -> int:
        """Blocks that every lane has taken."""
        return min((lane.next for lane in self.every), default=self.blocks)

    def done_events(self) -> int:
        """Events that every lane has taken."""
        done = self.done_blocks()
        return self.ends[done - 1] if done else self.first_event

    def next_block(self) -> tuple[int, int, int] | None:
        """The next block and where its events begin and end; None when there is none, or not yet."""
        n = len(self.events)
        if self.at >= n:
            return None
        if self.blocks - self.done_blocks() >= AHEAD * self.threads or self.waiting > self.most_waiting:
            return None
        size = self.block or self.size_of_block(n - self.at)
        first = self.at
        end = min(first + size, n)
        self.at = end
        self.ends.append(end)
        self.blocks += 1
        return self.blocks - 1, first, end

    def size_of_block(self, left: int) -> int:
        """Events of the next block: by the pace so far, and small enough at the end for all workers."""
        size = FIRST_BLOCK if not self.pace else int(SECONDS / self.pace)
        return max(1, min(size, MOST_EVENTS, -(-left // (2 * self.threads))))

    # --- workers

    def worker(self) -> None:
        """What each thread does until all is done."""
        try:
            self.prepare()
            self.losses()
            self.reports()
        except BaseException as error:
            self.stop(error)

    def stop(self, error: BaseException | None = None) -> None:
        """End as soon as may be; the first error is the one that counts."""
        with self.condition:
            if self.error is None:
                self.error = error
            self.stopped = True
            self.condition.notify_all()

    def prepare(self) -> None:
        """What comes before the first event."""
        while not self.stopped:
            with self.condition:
                if not self.before:
                    break
                task = self.before.popleft()
                self.preparing += 1
            task()
            with self.condition:
                self.preparing -= 1
                self.condition.notify_all()
        with self.condition:
            while self.preparing and not self.stopped:
                self.condition.wait(TICK)

    def losses(self) -> None:
        """Blocks of events, and lanes between them."""
        worker = None
        while not self.stopped:
            with self.condition:
                block = self.next_block()
            if block is None:
                if self.work_lanes():
                    continue
                with self.condition:
                    if self.at >= len(self.events) and self.done_blocks() == self.blocks:
                        self.condition.notify_all()
                        return
                    if not self.stopped:
                        self.condition.wait(TICK)
                continue
            if worker is None:
                worker = self.make()
            number, first, end = block
            began = time.perf_counter()
            worker.feed(self.events[first:end])
            payloads = [(name, take()) for name, take in worker.taps]
            took = time.perf_counter() - began
            with self.condition:
                self.seconds["losses"] += took
                each = took / (end - first)
                self.pace = each if not self.pace else 0.7 * self.pace + 0.3 * each
                for name, payload in payloads:
                    for lane in self.lanes[name]:
                        lane.waiting[number] = payload
                        self.waiting += len(payload)
            self.work_lanes()

    def work_lanes(self) -> bool:
        """Work on every lane that is free; whether there was something to do."""
        worked = False
        for lane in self.every:
            if self.stopped:
                break
            before = lane.next
            if before in lane.waiting:
                taken = lane.work()
                worked |= lane.next > before
                with self.condition:
                    self.waiting -= taken
                    self.condition.notify_all()
        return worked

    def reports(self) -> None:
        """What is left when all events are done, one task at a time."""
        began = time.perf_counter()
        with self.once:
            if self.between is not None and not self.stopped:
                self.between()
                self.between = None
        while not self.stopped:
            try:
                task = self.tasks.popleft()
            except IndexError:
                break
            task()
        with self.condition:
            self.seconds["reports"] += time.perf_counter() - began

    # --- the run

    def run(
        self,
        tasks: Sequence[Callable[[], object]],
        look: Callable[[], object],
        *,
        before: Sequence[Callable[[], object]] = (),
        between: Callable[[], object] | None = None,
    ) -> None:
        """Work everything out. before: what comes before the first event; between: what comes after the last
        one, before tasks. look: called ten times a second, in this thread; what it raises ends the run."""
        self.before.extend(before)
        self.between = between
        self.tasks.extend(tasks)
        threads = [
            threading.Thread(target=self.worker, name=f"ktc-{i + 1}", daemon=True)
            for i in range(self.threads)
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(TICK)
                    look()
        except BaseException as error:
            self.stop(error)
            for thread in threads:
                thread.join()
            raise
        if self.error is not None:
            raise self.error
