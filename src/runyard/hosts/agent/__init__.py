"""Hosts with a push agent."""
