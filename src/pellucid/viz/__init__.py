"""Pictures, drawn with matplotlib, which is imported here and nowhere else, at first use."""
