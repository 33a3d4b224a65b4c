"""How a run is shown while it goes on, and how it is summed up when it has ended."""
