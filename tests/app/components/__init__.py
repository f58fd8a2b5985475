"""Components without a browser."""
