"""Executors of graphs: the interpreter, which is the reference, and the protocol all follow."""
