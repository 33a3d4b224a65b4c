"""Running containers as hosts."""
