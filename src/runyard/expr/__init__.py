"""Conditions, variables, substitution, secrets."""
