"""docs/facts: what files of this repository say, each number beside the file it is from."""
