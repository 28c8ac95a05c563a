"""The computational graph: typed frozen nodes in execution order, their text form, their checks."""
