"""A program of its own that owns process trees. Standard library only, Python 3.8 or newer.

Run it as `python -I -S <this folder>`; see docs/reference/supervisor-protocol.md.
"""
