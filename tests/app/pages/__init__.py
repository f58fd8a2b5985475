"""States of pages without a browser; databases are real."""
