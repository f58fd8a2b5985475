"""What the product does, said once: plain functions that pages and REST both ask. No Reflex, no FastAPI in here."""
