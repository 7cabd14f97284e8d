"""Run the tool as ``python -m copier_mlops``."""

from copier_mlops.cli import main

main()
