"""Read what a rendered repository remembers, and write into it so that all can be undone."""
