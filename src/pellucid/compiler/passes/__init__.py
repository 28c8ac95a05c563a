"""Pure functions from a graph or a program to a better one. `pipeline.py` is the table of them."""
