"""A plain `pytest` runs these tests only where `testpaths`, or somebody, names them."""

collect_ignore = ["tests"]
