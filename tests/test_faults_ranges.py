"""Numbers out of range in streams and tables, and bits that have flipped.

The rules that every script is held to stand in support/faults.py.
"""

import io
import struct

import numpy as np
import pytest
from support import programmes
from support.faults import BY_NAME, BY_SUMMARY, SAMPLES, SCRIPTS, folder, message_of, model  # noqa: F401

import ktc
from ktc import stages
from ktc.errors import DataError
from ktc.schemas.streams import LOSS


@pytest.mark.parametrize("sidx", [SAMPLES + 1, 2**31 - 1, -6, -(2**31)])
@pytest.mark.parametrize("name", ["fmcalc", "summarycalc", "gultocsv", "fmtocsv", *BY_SUMMARY])
def test_sample_beyond_the_sample_size(name, sidx, model):
    stage = BY_NAME[name]
    at = 16 if stage.reads == "loss" else 24
    head = model.data[stage.reads][:at]
    with pytest.raises(
        DataError, match=rf"byte {at + 8}: event \d+.*: sidx {sidx}, expected -5 to {SAMPLES}"
    ):
        model.through(stage, head + struct.pack("<ififif", -1, 1.0, sidx, 1.0, 0, 0.0))


@pytest.mark.parametrize("size", [-2, -(2**31), 2**24 + 1, 2**31 - 1])
@pytest.mark.parametrize("name", ["fmcalc", "summarycalc", "gultocsv", "fmtocsv", *BY_SUMMARY])
def test_sample_size_out_of_range(name, size, model):
    stage = BY_NAME[name]
    data = bytearray(model.data[stage.reads])
    struct.pack_into("<i", data, 4, size)
    with pytest.raises(DataError, match=f"byte 4: the sample size is {size}, expected 0 to 16777216"):
        model.through(stage, bytes(data))


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
@pytest.mark.parametrize("sidx", [-3, -1, 1, SAMPLES])
def test_losses_that_are_no_numbers(sidx, loss, model):
    """In the financial module, where sums and shares would make all losses of an event NaN."""
    others = [s for s in (-3, -1, *range(1, SAMPLES + 1)) if s != sidx]
    for records in ([(sidx, loss)], [(s, 1.0 if s != sidx else loss) for s in sorted([*others, sidx])]):
        data = programmes.encode([(1, 2, [(-1, 3.0)]), (7, 2, records)], SAMPLES)
        out = io.BytesIO()
        with pytest.raises(
            DataError, match=f"event 7, item 2, sidx {sidx}: a loss of {loss}, expected a number"
        ):
            model.through(BY_NAME["fmcalc"], data, out)
        assert out.getvalue() == model.through(
            BY_NAME["fmcalc"], programmes.encode([(1, 2, [(-1, 3.0)])], SAMPLES)
        )


@pytest.mark.parametrize("bins", [0, -1, 2**31 - 1])
@pytest.mark.parametrize("name", ["gulcalc", "cdftocsv"])
def test_number_of_bins_out_of_range(name, bins, model):
    data = bytearray(model.data["cdf"])
    struct.pack_into("<i", data, 4 + 12, bins)
    with pytest.raises(DataError, match=f"byte 16: .*{bins} damage bins"):
        model.through(BY_NAME[name], bytes(data))


def test_more_bins_than_the_dictionary(model):
    data = struct.pack("<I4i", 1, *struct.unpack_from("<3i", model.data["cdf"], 4), 9)
    data += b"".join(struct.pack("<2f", (k + 1) / 9, 0.5) for k in range(9))
    with pytest.raises(DataError, match="9"):
        model.through(BY_NAME["gulcalc"], data)


@pytest.mark.parametrize("coverage", [0, -1, 1000])
def test_item_of_an_unknown_coverage(coverage, folder, model, tool, run):
    data = bytearray(model.data["items"])
    struct.pack_into("<i", data, 4, coverage)
    (folder / "input" / "items.bin").write_bytes(data)
    status, out, err = run([tool("gulcalc"), *SCRIPTS["gulcalc"][0]], model.data["cdf"], cwd=folder)
    assert (status, out) == (1, b"") and "items.bin" in message_of(err, "gulcalc") and str(coverage) in err


def test_item_that_no_summary_knows(model, tool, run):
    data = struct.pack("<Ii" + "2iifif", LOSS, SAMPLES, 4, 1000, -1, 1.0, 0, 0.0)
    status, _, err = run([tool("summarycalc"), *SCRIPTS["summarycalc"][0]], data, cwd=model.root)
    assert status == 1 and "event 4: id 1000 is not in " in message_of(err, "summarycalc")


@pytest.mark.parametrize("item", [0, -1, 6, 1000, 2**31 - 1])
def test_item_that_no_programme_knows(item, model, tool, run):
    ended = model.data["loss"] + bytes(8)  # gulcalc leaves the last terminator out
    data = ended + struct.pack("<2iifif", 99, item, -1, 1.0, 0, 0.0)
    status, out, err = run([tool("fmcalc"), *SCRIPTS["fmcalc"][0]], data, cwd=model.root)
    assert status == 1 and f"event 99: item {item} is not in input/fm_programme.bin" in message_of(
        err, "fmcalc"
    )
    assert out == model.through(BY_NAME["fmcalc"], ended)  # the events before it


@pytest.mark.parametrize("seed", range(16))
def test_flipped_bits(seed, tmp_path):
    """fmcalc on tables and streams with a few bits flipped: losses that are numbers, or an error of one
    line."""
    stepped, refused = bool(seed % 2), 0
    programme = programmes.make(seed, 8, levels=2, layers=2, lower_layers=1 + seed // 8, stepped=stepped)
    folder = programmes.write(programme, tmp_path)
    whole = {path: path.read_bytes() for path in sorted(folder.iterdir())}
    whole["stream"] = programmes.stream(seed, programme, samples=10)
    for name, data in whole.items():
        for case in range(6):
            rng = np.random.default_rng([seed, case])
            broken = bytearray(data)
            for at in rng.integers(8 * len(data), size=rng.integers(1, 4)).tolist():
                broken[at // 8] ^= 1 << at % 8
            if name != "stream":
                name.write_bytes(broken)
            out = io.BytesIO()
            try:
                stages.fmcalc(
                    bytes(broken) if name == "stream" else whole["stream"],
                    out,
                    input_path=str(folder),
                    alloc_rule=seed // 2 % 4,
                    stepped=stepped,
                    net=case % 3 == 0,
                )
            except (DataError, MemoryError) as error:  # some ids ask for more memory than a machine may have
                refused += 1
                assert "\n" not in str(error)
            else:
                for block in ktc.read_stream(out.getvalue()):
                    assert np.isfinite(block.loss).all() and (block.loss >= 0).all()
        if name != "stream":
            name.write_bytes(data)
    assert 5 < refused < 40
