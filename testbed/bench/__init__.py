"""Measurements: never part of a test, always ratios within one run, because machines are noisy."""
