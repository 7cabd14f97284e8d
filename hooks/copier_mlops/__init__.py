"""The lifecycle tool of copier-mlops: start a repository from the template, keep it current."""
