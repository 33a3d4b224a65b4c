"""The actions that ship with runyard."""
