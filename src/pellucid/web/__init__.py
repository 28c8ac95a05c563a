"""A playground in the browser."""
