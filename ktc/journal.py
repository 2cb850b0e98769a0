"""What a run leaves in its output folder beside the reports.

    output/manifest.json        what was done: `status` says running, complete, or why it ended
    output/.ktc/lock            held by the process that writes here
    output/.ktc/journal.json    how far a run is that is not complete: events, and the bytes of each spool
    output/.ktc/*.part          the spools

A spool's file may be longer than the journal says, never shorter: what comes after is not part of the run
yet. The journal and the manifest are written under another name and renamed.
"""

from __future__ import annotations

import json
import os
import shutil

from .errors import DataError, InputError, OutputError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


__all__ = ["Journal", "digest", "digests"]

FOLDER = ".ktc"
WHOLE = 256 << 20  # bytes; of a larger file parts are hashed
PARTS = 64
PART = 1 << 20


def digest(path: str) -> dict[str, Any]:
    """Size and hash of a file: of all of it, or of 64 MiB spread over a large one."""
    import hashlib

    hash = hashlib.sha256()
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= WHOLE:
            while block := file.read(PART):
                hash.update(block)
            return {"bytes": size, "sha256": hash.hexdigest()}
        for part in range(PARTS):
            file.seek((size - PART) * part // (PARTS - 1))
            hash.update(file.read(PART))
    return {"bytes": size, "sha256 of 64 parts": hash.hexdigest()}


def digests(paths: list[str]) -> dict[str, Any]:
    """By path, what digest() says."""
    return {path: digest(path) for path in sorted(paths)}


class Journal:
    """The folder .ktc of an output folder, held by this process from the start of a run to its end."""

    def __init__(self, output: str) -> None:
        self.output, self.folder = output, os.path.join(output, FOLDER)
        self.lock: int | None = None
        try:
            os.makedirs(self.folder, exist_ok=True)
            self.lock = os.open(os.path.join(self.folder, "lock"), os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be made: {error.strerror}") from None
        if not hold(self.lock):
            os.close(self.lock)
            self.lock = None
            raise OutputError(f"{output}: another run writes there")

    def path(self, name: str) -> str:
        """Where something of this name lies."""
        return os.path.join(self.folder, name.replace("/", ".") + ".part")

    def read(self) -> dict[str, Any] | None:
        """The journal of a run that was broken off, or None."""
        path = os.path.join(self.folder, "journal.json")
        try:
            with open(path) as file:
                found: dict[str, Any] = json.load(file)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: cannot be read: {error}") from None
        return found

    def there(self) -> bool:
        """Whether there is a journal."""
        return os.path.exists(os.path.join(self.folder, "journal.json"))

    def write(self, content: dict[str, Any]) -> None:
        """How far the run is now."""
        write_json(os.path.join(self.folder, "journal.json"), content)

    def manifest(self, content: dict[str, Any]) -> None:
        """What is said of the run."""
        write_json(os.path.join(self.output, "manifest.json"), content)

    def clear(self) -> None:
        """Forget a run that was broken off."""
        for name in os.listdir(self.folder):
            if name != "lock":
                os.unlink(os.path.join(self.folder, name))

    def close(self, remove: bool = False) -> None:
        """Let go of the folder. remove: nothing in it is needed any more."""
        if self.lock is None:
            return
        if remove:
            shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self.lock)
        self.lock = None


def hold(descriptor: int) -> bool:
    """Lock a file until this process ends, if no other has."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def write_json(path: str, content: dict[str, Any]) -> None:
    """A file that is whole or not there."""
    partial = path + ".partial"
    try:
        with open(partial, "w") as file:
            json.dump(content, file, indent=1)
            file.write("\n")
        os.replace(partial, path)
    except OSError as error:
        raise OutputError(f"{path}: cannot write: {error.strerror}") from None


def changed_inputs(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """The files that differ between two runs' inputs."""
    return sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))


def check_resume(journal: dict[str, Any], output: str, facts: dict[str, Any]) -> None:
    """An error unless the run that a journal is of can go on here."""
    for key, what in (
        ("version", "another version of ktc"),
        ("kernel", "another kernel"),
        ("random numbers", "other random numbers"),
        ("settings", "other settings"),
    ):
        if journal[key] != facts[key]:
            raise UsageError(
                f"{output}: the run that was broken off is of {what}: start anew, without --resume"
            )
    changed = changed_inputs(journal["inputs"], facts["inputs"])
    if changed:
        raise InputError(
            f"{output}: cannot be resumed, since these inputs have changed: {', '.join(changed)}"
        )
