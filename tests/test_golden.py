"""Every stage, converter and report against what ktools 3.12.4 wrote on the example model; needs no
oracle."""

import hashlib
from pathlib import Path

import pytest
from support.golden_cases import cases, run_cases

GOLDEN = Path(__file__).parent / "golden"
HASHES = {
    name: digest for digest, name in (line.split() for line in (GOLDEN / "sha256").read_text().splitlines())
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory, tool, run):
    """What ktc's console scripts make of all the cases: name -> (output or None, what went wrong)."""
    return {
        case.name: (output, trouble)
        for case, output, trouble in run_cases(
            tmp_path_factory.mktemp("golden"), tool, lambda args, stdin, cwd: run(args, stdin, cwd)
        )
    }


def test_every_golden_file_belongs_to_a_case():
    names = {case.name for case in cases()}
    assert {path.name for path in GOLDEN.iterdir()} - {"sha256", "example.sha256"} | set(HASHES) == names
    assert sum(path.stat().st_size for path in GOLDEN.iterdir()) < 500 * 1024


@pytest.mark.slow
@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.name)
def test_same_bytes_as_ktools(case, outputs):
    output, trouble = outputs[case.name]
    assert not trouble, f"{case.command}: {trouble}"
    if case.name in HASHES:
        assert hashlib.sha256(output).hexdigest() == HASHES[case.name], f"{case.command}: {len(output)} bytes"
    else:
        assert output == (GOLDEN / case.name).read_bytes(), case.command
