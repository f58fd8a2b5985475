"""The screens: one package per page, strangers to each other."""
