"""The pages of docs/reference: each module has `page()`, which returns one as Markdown."""
