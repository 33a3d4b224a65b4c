"""Inventory and the ways to hosts: this machine, and a scripted one for tests."""
