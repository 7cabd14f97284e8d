"""The team's package: features.py, model.py and baseline.py are yours."""
