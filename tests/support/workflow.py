"""A run as platforms script it (workflow.sh): the example model with 10 locations and 25 events, ground-up,
insured and reinsured losses, every report."""

import os
import shutil
import subprocess
from pathlib import Path

import ktc
from support import programmes

SCRIPT = Path(__file__).with_name("workflow.sh")
PERIODS, SAMPLES, PROCESSES = 200, 20, 2


def write_model(folder):
    """The example model, and a reinsurance of its insured losses: a quota share of 30 % of the first layer,
    60,000 in excess of 20,000 of the second."""
    example = ktc.write_example(folder, events=25, locations=10, grid=5, periods=PERIODS)
    outputs = range(1, 2 * example.items + 1)  # of two layers for each item
    programmes.write(
        programmes.Programme(
            programme=[(output, 1, 2 - output % 2) for output in outputs] + [(1, 2, 1), (2, 2, 1)],
            policytc=[(1, 1, 1, 1), (1, 2, 1, 2), (2, 1, 1, 3)],
            profiles=[
                (1, 25, 0, 0, 0, 0, 0, 0.3, 1, 1),
                (2, 24, 0, 0, 0, 20e3, 60e3, 1, 1, 1),
                (3, 23, 0, 0, 0, 0, 1e9, 0, 1, 1),
            ],
            xref=[(output, output, 1) for output in outputs],
        ),
        folder / "input" / "RI_1",
    )
    shutil.copy(folder / "input" / "fmsummaryxref.bin", folder / "input" / "RI_1")


def workflow(programs, folder, processes=PROCESSES, samples=SAMPLES):
    """A process that runs the script with the programs of folders first on PATH. It ends when the last of its
    stages has."""
    env = {**os.environ, "PATH": os.pathsep.join([*map(str, programs), os.environ["PATH"]])}
    return subprocess.Popen(
        ["bash", SCRIPT, str(processes), str(samples)],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
