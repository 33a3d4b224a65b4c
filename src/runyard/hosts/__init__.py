"""Inventory and the ways to hosts."""
