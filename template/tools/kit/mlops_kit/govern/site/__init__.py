"""The documents as a site of plain pages: nothing is fetched from elsewhere."""
