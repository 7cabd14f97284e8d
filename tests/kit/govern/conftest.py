"""What the tests of this room share: a project that is told by its files alone."""

from governed import project

__all__ = ["project"]
