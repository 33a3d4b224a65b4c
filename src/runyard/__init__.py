"""runyard: one control plane for running work on your own machines."""

__version__ = "0.1.0"
