"""Tables: from rows with named columns to a model that takes such rows, in one call."""

from pellucid.tables.fitting import fit_table
from pellucid.tables.loading import load
from pellucid.tables.model import TableModel

__all__ = ["TableModel", "fit_table", "load"]
