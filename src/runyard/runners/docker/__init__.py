"""Containers: what `docker.run` is made of (contract 1, "Built-in actions")."""
