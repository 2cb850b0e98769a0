"""Make tests/golden/ anew with the oracle, in tests/:

    KTC_ORACLE=<folder of ktools 3.12.4's programs> python -m support.make_golden

Also writes tests/golden/example.sha256, the hashes of the example model's own files.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from support.golden_cases import EXAMPLES, LONGEST, run_cases

GOLDEN = Path(__file__).parent.parent / "golden"


def call(args, stdin, cwd):
    done = subprocess.run(args, input=stdin, cwd=cwd, capture_output=True, timeout=60)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def main():
    oracle = os.environ.get("KTC_ORACLE")
    if not oracle:
        sys.exit("set KTC_ORACLE to the folder of ktools 3.12.4's programs")
    GOLDEN.mkdir(exist_ok=True)
    for old in GOLDEN.iterdir():
        old.unlink()
    hashes, kept = [], set()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for case, output, trouble in run_cases(folder, lambda tool: os.path.join(oracle, tool), call):
            if trouble:
                sys.exit(f"{case.command} < {case.stdin}: {trouble}")
            if len(output) > LONGEST or output in kept:
                hashes.append(f"{hashlib.sha256(output).hexdigest()}  {case.name}\n")
            else:
                (GOLDEN / case.name).write_bytes(output)
                kept.add(output)
        files = [
            f"{name}/{path.relative_to(folder / name)}"
            for name in EXAMPLES
            for part in ("input", "static")
            for path in sorted((folder / name / part).iterdir())
            if path.suffix in (".bin", ".idx")
        ]
        (GOLDEN / "example.sha256").write_text(
            "".join(f"{hashlib.sha256((folder / f).read_bytes()).hexdigest()}  {f}\n" for f in files)
        )
    (GOLDEN / "sha256").write_text("".join(hashes))
    size = sum(path.stat().st_size for path in GOLDEN.iterdir())
    print(f"{len(list(GOLDEN.iterdir()))} files, {size / 1024:.0f} KiB, {len(hashes)} outputs as hashes")


if __name__ == "__main__":
    main()
