"""What may leave the restricted zone, and in which form."""
