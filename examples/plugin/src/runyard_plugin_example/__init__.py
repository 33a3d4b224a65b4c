"""An example of a runyard plugin."""
