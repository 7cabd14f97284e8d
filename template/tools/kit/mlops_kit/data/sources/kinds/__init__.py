"""One module per kind of source that is no folder; only those that the answers chose are here."""
