"""Read a template, and render a version of it for given answers."""
