"""Measures what runyard promises, as ratios against floors taken in the same run."""
