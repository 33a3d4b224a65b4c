"""Workflows as data: documents with what the compiler makes of them."""
