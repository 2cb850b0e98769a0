"""What the tests share and is not a test: generated models and streams, formulas in double, damaged input,
the golden cases. conftest.py beside this folder makes it importable, as `from support import summaries`."""
