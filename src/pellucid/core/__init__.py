"""The ground floor: errors, dtypes, shapes and nested containers. Imports nothing outside itself."""
