"""Run the tool as ``python -m copier_mlops``."""

from .cli import main

main()
