"""What is left to do in the documents: gaps, dead links, reviews that are due, wrong commands."""
