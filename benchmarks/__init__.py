"""Benchmarks: what logging costs, as ratios side by side in one run; not part of the package or of the tests."""
