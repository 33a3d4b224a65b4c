"""Inventories beside a workflow: files, folders and programs, ours and Ansible's."""
