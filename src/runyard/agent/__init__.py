"""The push agent: a daemon that does work for dispatchers (contract 2)."""
