"""Fixtures of acceptance tests with several machines."""

from tests.acceptance.agents import agents, place, server_of_session, sshd

__all__ = ["agents", "place", "server_of_session", "sshd"]
