"""The command line: `pellucid train`, `evaluate`, `predict`, `show`."""
