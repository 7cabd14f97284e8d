"""What tests of the kit's rooms share: a tiny project, the club."""

from club import club, club_tables

__all__ = ["club", "club_tables"]
