"""Actions and runner categories."""
