"""What a person looks at: curves, and the derivation of a gradient.

matplotlib and SymPy are imported here and nowhere else, each at first use.
"""
