#!/usr/bin/env python3
"""A program that is an inventory: prints JSON, here of our own shape."""

import json

hosts = {f"web{n}": {"address": "local", "vars": {"PORT": 8080 + n}} for n in (1, 2)}
print(
    json.dumps(
        {
            "vars": {"SITE": "a program"},
            "hosts": {**hosts, "db1": {"address": "local"}},
            "groups": {"web": {"hosts": list(hosts)}},
        }
    )
)
