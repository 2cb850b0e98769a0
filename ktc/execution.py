"""Carrying a plan out: workers, lanes, spools and accumulators, checkpoints, and reports in their places."""

from __future__ import annotations

import os
import threading
import time
from functools import partial

from ._version import __version__
from .console import size
from .engine import Engine, Lane
from .errors import InputError, KtcError, OutputError, UsageError
from .estimate import estimate, kernels_of
from .journal import Journal, check_resume, digests
from .perspectives import Shared, Worker
from .reporting import Spool, accumulations, report_of, write_accumulation, write_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from .analysis import Progress
    from .perspectives import Group, Losses, Tap
    from .planning import Plan
    from .reporting import Accumulation
    from .settings import OutputFile, Settings


__all__ = ["Execution"]

CHECKPOINT = 2.0  # seconds between checkpoints, and until the first
PATIENCE = 0.5  # seconds that a run which is broken off waits for the hashes of its inputs
RECORD = 8  # bytes of a loss
IN_MEMORY = 256 << 20  # bytes of all spools in memory


class Execution:
    """One run of a plan. output: the folder of its reports, or None."""

    def __init__(
        self,
        plan: Plan,
        output: str | None,
        threads: int,
        memory: int | None,
        block_events: int | None,
        progress: Progress,
    ) -> None:
        self.plan, self.output, self.threads, self.memory = plan, output, threads, memory
        self.block_events, self.progress = block_events, progress
        self.spools: dict[str, Spool] = {}  # by tap
        self.streams: list[str] = []  # the taps that give summary streams
        self.lanes: dict[str, list[Lane]] = {}
        self.accumulations: list[Accumulation] = []
        self.tables: dict[str, Any] = {}
        self.written: dict[str, dict[str, Any]] = {}
        self.state: dict[str, Any] = {}  # what the journal says
        self.lock = threading.Lock()
        self.seconds: dict[str, float] = {}
        self.journal: Journal | None = None
        self.engine: Engine | None = None
        self.resumed = 0
        self.in_memory, self.shares = IN_MEMORY, dict[str, int]()
        self.inputs: dict[str, Any] = {}
        self.checked = time.monotonic()

    # --- preparing

    def prepare(self, resume: bool) -> None:
        """Load what all use, and make what takes the events' results."""
        began = time.perf_counter()
        plan = self.plan
        if self.output is not None:
            self.journal = Journal(self.output)
        self.shared = Shared(plan.folder, plan.losses)
        self.events = plan.events()
        self.allot_memory()
        first = Worker(self.shared)
        self.made: list[Worker] = [first]
        groups = {f"{group.name}_summaries": group for group in plan.losses.groups}
        for tap in first.found:
            self.add_tap(tap, first.headers[tap.name], groups.get(tap.name))
        self.hashing = threading.Thread(target=self.hash_inputs, daemon=True)
        self.hashing.start()
        if self.journal is not None:
            if resume:
                self.restore()
            else:
                self.journal.clear()
                self.journal.manifest({**self.facts(), "status": "running"})
        self.seconds["loading"] = time.perf_counter() - began

    def add_tap(self, tap: Tap, header: bytes, group: Group | None) -> None:
        """The spool and the lanes of a tap. group: of a summary stream, whose reports need all events."""
        path = "" if self.journal is None else self.journal.path(tap.name)
        spool = self.spools[tap.name] = Spool(tap.name, path, header)
        self.lanes[tap.name] = [Lane(tap.name, spool.append)]
        if group is None:
            return
        self.streams.append(tap.name)
        plan = self.plan
        for each in accumulations(
            group, plan.folder, plan.chosen(group), plan.losses.exact, self.share(group)
        ):
            each.spool = spool
            self.accumulations.append(each)
            self.lanes[tap.name].append(Lane(each.name, each.take))

    def allot_memory(self) -> None:
        """Share the memory out: what workers and spools leave goes to accumulators, by what they may need.

        Raises
        ------
        UsageError
            There is too little for the run.
        """
        if self.memory is None:
            return
        found = estimate(self.plan, self.threads)
        if found.least > self.memory:
            raise UsageError(
                f"the run needs {size(found.least)} of memory at least on {self.threads} threads, "
                f"and may take {size(self.memory)}"
            )
        self.in_memory = min(IN_MEMORY, self.memory // 8)
        # What waits in front of lanes, what workers' taps hold twice while they grow, and what a curve takes
        # while it is sorted come to nearly half of what was measured
        others = sum(found.parts.values()) - sum(found.shares.values())
        left = max((self.memory - others) * 11 // 20 - self.in_memory, self.memory // 4)
        total = sum(found.shares.values())
        if total > left:
            self.shares = {name: max(1 << 20, left * need // total) for name, need in found.shares.items()}

    def share(self, group: Group) -> int | None:
        """Bytes that each accumulator of a group may take; None for what it needs."""
        whole = self.shares.get(group.name)
        if whole is None:
            return None
        return whole // max(1, kernels_of(group))

    def make(self) -> Worker:
        """A worker for a thread."""
        try:
            return self.made.pop()
        except IndexError:
            return Worker(self.shared)

    def hash_inputs(self) -> None:
        """What the inputs are, while the run goes on."""
        root = os.path.abspath(self.plan.folder.root)
        try:
            found = digests(list(self.plan.folder.used))
            self.inputs = {os.path.relpath(path, root): facts for path, facts in found.items()}
        except OSError as error:
            self.inputs = {"error": str(error)}

    def facts(self) -> dict[str, Any]:
        """What a run is, apart from how far it is."""
        losses = self.plan.losses
        return {
            "version": __version__,
            **kernel_of(losses),
            "settings": {
                "samples": losses.samples,
                "threshold": losses.threshold,
                "allocation rules": [losses.alloc_gul, losses.alloc_il, losses.alloc_ri],
                "exact": losses.exact,
                "zeros": losses.zeros,
                "amplification": losses.amplified,
                "reports": {file.path: file.setting for file in self.plan.files},
                "asked": asked(self.plan.settings),
            },
            "notes": self.plan.notes,
        }

    # --- checkpoints

    def restore(self) -> None:
        """Go on where a run was broken off."""
        assert self.journal is not None
        self.hashing.join()
        journal = self.journal.read()
        if journal is None:  # it had not come to a checkpoint
            self.journal.clear()
            return
        check_resume(journal, self.journal.output, json_like({**self.facts(), "inputs": self.inputs}))
        self.resumed = journal["events done"]
        self.written = {
            path: facts
            for path, facts in journal["reports"].items()
            if os.path.exists(self.journal.path(f"report.{path}"))
        }
        for name, length in journal["spools"].items():
            self.spools[name].restore(length)

    def refeed(self) -> list[Callable[[], object]]:
        """What accumulators need to be told of events that are done."""
        if not self.resumed:
            return []
        return [each.feed for each in self.accumulations if not self.is_written(self.files_of(each).values())]

    def is_written(self, files: Iterable[OutputFile]) -> bool:
        """Whether these reports are whole already."""
        return all(file.path in self.written for file in files)

    def look(self) -> None:
        """Now and then: memory, checkpoints."""
        if self.journal is None or self.engine is None:
            return
        now = time.monotonic()
        if now - self.checked >= CHECKPOINT:
            self.checkpoint()
            self.checked = time.monotonic()
        elif sum(spool.memory for spool in self.spools.values()) > self.in_memory:
            for spool in self.spools.values():
                spool.spill()

    def all_events(self) -> None:
        """The last event is done: what was written before is complete now, and stays as it is."""
        self.progress.stage = "reports"
        if self.journal is not None and any(spool.filed for spool in self.spools.values()):
            self.hashing.join()
            self.checkpoint()

    def checkpoint(self) -> None:
        """Write down how far the run is."""
        with self.lock:
            if not self.hashing.is_alive():
                self.write_journal()

    def write_journal(self) -> None:
        """What checkpoint() does while it has the lock."""
        assert self.journal is not None and self.engine is not None
        blocks = self.engine.done_blocks()
        events = self.engine.ends[blocks - 1] if blocks else self.resumed
        for spool in self.spools.values():
            spool.spill()
        self.state = {
            **self.facts(),
            "inputs": self.inputs,
            "events done": events,
            "events": len(self.events),
            "spools": {name: spool.length_at(blocks) for name, spool in self.spools.items()},
        }
        self.journal.write({**self.state, "reports": self.written})

    # --- the run

    def run(self, tell: Callable[[], object]) -> None:
        """Work the events out, and write the reports. tell: called ten times a second."""
        progress = self.progress
        progress.total, progress.done = len(self.events), self.resumed
        progress.first = self.resumed
        self.engine = engine = Engine(
            self.make,
            self.events,
            self.threads,
            self.lanes,
            first=self.resumed,
            block=self.block_events,
            most_waiting=self.in_memory,
        )

        streams = [self.spools[name] for name in self.streams]

        def look() -> None:
            progress.done = engine.done_events()
            progress.losses = sum(each.size for each in streams) // RECORD
            if progress.stage == "events":
                self.look()
            tell()

        progress.stage = "events"
        began = time.perf_counter()
        engine.run(self.tasks(), look, before=self.refeed(), between=self.all_events)
        self.seconds["events"] = time.perf_counter() - began - engine.seconds["reports"] / self.threads
        self.seconds["reports"] = engine.seconds["reports"] / self.threads
        progress.done, progress.stage = len(self.events), "publishing"

    def tasks(self) -> list[Callable[[], object]]:
        """What is left to do after the last event, the longest first."""
        tasks: list[Callable[[], object]] = []
        for each in self.accumulations:
            found = self.files_of(each)
            if not self.is_written(found.values()):
                tasks.append(partial(self.finish, each, found))
        for group in self.plan.losses.groups:
            for what, file in group.files.items():
                spool = self.spools.get(f"{group.name}_{what}")
                if spool is not None and file.path not in self.written:
                    tasks.append(partial(self.collect, spool, file))
        return tasks

    def files_of(self, each: Accumulation) -> dict[str, OutputFile]:
        """The reports of an accumulator."""
        return {what: each.group.files[what] for what in each.whats}

    def destination(self, file: OutputFile) -> Any:
        """Where a report goes for now."""
        from .results import Parquet, ResultTable

        if self.journal is None:
            report = report_of(file.what, self.plan.folder)
            table = self.tables[file.path] = ResultTable(report) if report else None
            return table
        path = self.place(file)
        return Parquet(path) if file.path.endswith(".parquet") else path

    def place(self, file: OutputFile) -> str:
        """A report's file before it is published."""
        assert self.journal is not None
        return self.journal.path(f"report.{file.path}")

    def finish(self, each: Accumulation, files: dict[str, OutputFile]) -> None:
        """The reports of an accumulator."""
        write_accumulation(
            each, self.plan.folder, {what: self.destination(file) for what, file in files.items()}
        )
        each.kernel = None  # its memory is for others
        self.look_at(files.values())

    def collect(self, spool: Spool, file: OutputFile) -> None:
        """The report of a spool."""
        report = report_of(file.what, self.plan.folder)
        if report is not None and (self.journal is None or file.path.endswith(".parquet")):
            write_rows(report, spool.body(), self.destination(file))
        elif self.journal is None:
            self.tables[file.path] = b"".join(spool.chunks).decode()
        else:
            spool.publish(self.place(file))
        self.look_at([file])

    def look_at(self, files: Iterable[OutputFile]) -> None:
        """Size, hash and rows of reports that are whole, while other threads write theirs."""
        if self.journal is None:
            return
        facts = {file.path: facts_of(self.place(file), file.path) for file in files}
        with self.lock:
            self.written.update(facts)
            if self.state:
                self.journal.write({**self.state, "reports": self.written})

    def publish(self) -> dict[str, Any]:
        """Give all reports their names, and say that the run is complete. The manifest."""
        assert self.journal is not None and self.output is not None
        began = time.perf_counter()
        self.hashing.join()
        changed = self.plan.folder.changed()
        if changed:
            raise InputError(f"{changed[0]}: the file has changed while the run was reading it")
        written = {}
        for file in self.plan.files:
            path = os.path.join(self.output, file.path)
            written[file.path] = {**self.written[file.path], "setting": file.setting}
            try:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                os.replace(self.place(file), path)
            except OSError as error:
                raise OutputError(f"{path}: cannot write: {error.strerror}") from None
        self.seconds["publishing"] = time.perf_counter() - began
        manifest = {
            **self.facts(),
            "status": "complete",
            "inputs": self.inputs,
            "events": len(self.events),
            "resumed after events": self.resumed,
            "threads": self.threads,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "outputs": written,
        }
        self.journal.manifest(manifest)
        return manifest

    def broken_off(self, error: BaseException) -> None:
        """Write down how far the run came, and why it ended."""
        if self.journal is None:
            return
        try:
            if self.engine is not None and self.progress.stage == "events":
                self.hashing.join(PATIENCE)  # a checkpoint says what the inputs are
                self.checkpoint()
            self.journal.manifest(
                {**self.facts(), "status": "broken off", "why": str(error) or type(error).__name__}
            )
        except (KtcError, OSError):
            pass  # the first error is the one that counts

    def close(self, complete: bool) -> None:
        """Let go of the output folder. What was done stays where there is something to go on with."""
        if self.journal is not None:
            self.journal.close(remove=complete or not self.journal.there())


def kernel_of(losses: Losses) -> dict[str, str]:
    """What draws ground-up losses, and from which random numbers."""
    if losses.montecarlo is None:
        numbers = "file" if losses.random_file else "Mersenne Twister by event and group"
        return {"kernel": "ktools: getmodel, gulcalc, fmcalc", "random numbers": numbers}
    generators = (
        "Mersenne Twister",
        "Latin hypercube on Mersenne Twister",
        "Latin hypercube on Philox4x32-7",
    )
    return {
        "kernel": f"gulmc, fmcalc{losses.montecarlo.flags()}",
        "random numbers": f"{generators[losses.montecarlo.generator]}, by event and group",
    }


def asked(settings: Settings) -> dict[str, Any]:
    """Settings as they are written: all that reports may depend on."""
    content = {**settings._asdict(), "problems": None}
    content["perspectives"] = {
        name: [{**each._asdict(), "options": sorted(each.options)} for each in sets]
        for name, sets in settings.perspectives.items()
    }
    return content


def json_like(content: dict[str, Any]) -> dict[str, Any]:
    """As it is when it has been written and read."""
    import json

    same: dict[str, Any] = json.loads(json.dumps(content))
    return same


def facts_of(path: str, name: str) -> dict[str, Any]:
    """Size, hash and rows of a report."""
    import hashlib

    hash, size, lines = hashlib.sha256(), 0, 0
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            hash.update(block)
            size += len(block)
            lines += block.count(b"\n")
    facts: dict[str, Any] = {"bytes": size, "sha256": hash.hexdigest()}
    if name.endswith(".csv"):
        facts["rows"] = max(lines - 1, 0)
    else:
        import pyarrow.parquet

        facts["rows"] = pyarrow.parquet.read_metadata(path).num_rows
    return facts
