"""Step, Task, Module, Pipeline. Knows no YAML."""
