"""Benchmarks: Ringfence beside its peers, in one process, in turn."""
