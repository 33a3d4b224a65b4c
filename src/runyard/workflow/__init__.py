"""The compiler: YAML text to a Workflow, with every mistake in its place."""
