"""What callers do with runs: start, cancel, resume, approve, watch."""
