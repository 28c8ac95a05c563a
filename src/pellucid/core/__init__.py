"""The ground floor: errors, dtypes, shapes, nested containers. Imports nothing outside itself."""
