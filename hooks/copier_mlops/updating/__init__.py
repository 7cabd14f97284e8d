"""Merge a newer version into a rendered repository; see what differs; leave the template."""
