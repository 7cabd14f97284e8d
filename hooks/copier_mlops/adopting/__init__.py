"""Bring a repository that was never rendered under the template."""
