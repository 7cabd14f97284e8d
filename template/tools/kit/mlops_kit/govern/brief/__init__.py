"""One page for whoever decides about the project."""
