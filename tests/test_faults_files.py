"""Tables that are missing, cut or folders.

The rules that every script is held to stand in support/faults.py.
"""

import os
import struct

import pytest
from support.faults import BY_NAME, command_of, folder, message_of, model  # noqa: F401

FILES = [
    ("eve", "input/events.bin"),
    ("getmodel", "input/items.bin"),
    ("getmodel", "static/damage_bin_dict.bin"),
    ("getmodel", "static/footprint.bin"),
    ("getmodel", "static/footprint.idx"),
    ("getmodel", "static/vulnerability.bin"),
    ("gulcalc", "input/items.bin"),
    ("gulcalc", "input/coverages.bin"),
    ("gulcalc", "static/damage_bin_dict.bin"),
    ("gulcalc -r", "static/random.bin"),
    *(("fmcalc", f"input/{name}.bin") for name in ("fm_programme", "fm_policytc", "fm_profile", "items")),
    ("fmcalc -S", "input/fm_profile_step.bin"),
    ("summarycalc", "input/gulsummaryxref.bin"),
    *(
        (name, "input/occurrence.bin")
        for name in (
            "eltcalc -M",
            "pltcalc",
            "pltcalc -M",
            "leccalc",
            "ordleccalc -K",
            "aalcalc",
            "aalcalcmeanonly",
        )
    ),
    ("eltcalc -Q", "input/quantile.bin"),
    ("pltcalc -Q", "input/quantile.bin"),
    ("leccalc -r", "input/returnperiods.bin"),
    ("ordleccalc -r", "input/returnperiods.bin"),
    ("kat", "tables/elt_P2.csv"),
    ("kat -u", "tables/elt_P1.csv"),
]
# Those that a run may lack, and their bytes if it is not they that the example has
OPTIONAL = [
    *(
        (name, "input/periods.bin", None)
        for name in ("pltcalc -M", "leccalc", "ordleccalc", "aalcalc", "aalcalcmeanonly")
    ),
    ("leccalc", "input/ensemble.bin", struct.pack("<6i", 1, 1, 2, 1, 3, 2)),
    ("aalcalc", "input/ensemble.bin", struct.pack("<6i", 1, 1, 2, 1, 3, 2)),
    ("eltcalc -M", "input/event_rates.csv", b"event_id,rate\n1,0.25\n2,0.5\n3,x\n"),
]


@pytest.mark.parametrize("name, file", FILES)
def test_missing_file(name, file, folder, model, tool, run):
    os.unlink(folder / file)
    status, out, err = run(command_of(tool, name), model.input_of(name), cwd=folder)
    assert (status, out) == (3, b"") and file in message_of(err, name)


@pytest.mark.parametrize("name, file", [case for case in FILES if case[0].split()[0] != "kat"])
def test_cut_file(name, file, folder, model, tool, run):
    path = folder / file
    path.write_bytes(path.read_bytes()[:-1])
    status, out, err = run(command_of(tool, name), model.input_of(name), cwd=folder)
    assert status == 1 and file in message_of(err, name)
    if name in BY_NAME:
        assert model.through(BY_NAME[name], model.input_of(name)).startswith(out)
    else:
        assert out == b""


@pytest.mark.parametrize("name, file", FILES)
def test_folder_in_the_place_of_a_file(name, file, folder, model, tool, run):
    os.unlink(folder / file)
    os.mkdir(folder / file)
    status, out, err = run(command_of(tool, name), model.input_of(name), cwd=folder)
    assert (status, out) == (3, b"") and file in message_of(err, name)


@pytest.mark.parametrize("name, file, data", OPTIONAL)
def test_file_that_a_run_may_lack(name, file, data, folder, model, tool, run):
    """Without it all is well; one that is cut, or that cannot be read, is not taken for one that is
    missing."""
    path, command = folder / file, command_of(tool, name)
    data = path.read_bytes() if data is None else data
    path.unlink(missing_ok=True)
    assert run(command, model.input_of(name), cwd=folder)[::2] == (0, "")
    path.write_bytes(data[:-1])
    status, out, err = run(command, model.input_of(name), cwd=folder)
    assert (status, out) == (1, b"") and file in message_of(err, name)
    path.unlink()
    path.mkdir()
    status, out, err = run(command, model.input_of(name), cwd=folder)
    assert (status, out) == (3, b"") and file in message_of(err, name)
