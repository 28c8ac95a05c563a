"""The inspector's page: what it shows, its commands, its files."""
