"""Models for other programs: compiled graphs as WebAssembly modules."""
