"""What it costs: bought against rented, storage by class, and from when on which is cheaper."""
