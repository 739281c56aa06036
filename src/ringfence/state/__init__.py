"""Counters that calls share: here those of one process."""
