"""The supervisor: a program of its own, standard library only, Python 3.8 or later."""
