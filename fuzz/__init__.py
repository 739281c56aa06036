"""Fuzzers: programs that look for input which breaks Ringfence, run by hand (`make fuzz`) and no part of the tests."""
