"""Whole runs that are broken off."""

import threading

import ktc


def cancelled_after(events, monkeypatch):
    """A cancel function that says so once this many events are done, and a progress that it knows it of; what
    comes soon after them waits for it."""
    seen, asked = [], threading.Event()
    feed = ktc.perspectives.Worker.feed

    def waiting(worker, ids):
        if ids[0] > events + 5:
            asked.wait(20)
        feed(worker, ids)

    def cancel():
        if seen and seen[-1] >= events:
            asked.set()
        return asked.is_set()

    monkeypatch.setattr(ktc.perspectives.Worker, "feed", waiting)
    monkeypatch.setattr(ktc.engine, "TICK", 0.001)
    return cancel, lambda state: seen.append(state.done)
