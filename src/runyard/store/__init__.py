"""Journal, output, artifacts: everything that survives a process."""
