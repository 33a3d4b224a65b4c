"""Values and protocols that every layer speaks. Imports nothing else of runyard."""
