"""What a person sees, and what REST answers."""
