"""Signing out."""

import reflex as rx

_source = rx.asset("sign_out.jsx", shared=True)


class SignOut(rx.Component):
    """A button that ends the session of this browser."""

    library = _source.importable_path
    tag = "SignOut"

    label: rx.Var[str]


def sign_out_button() -> rx.Component:
    """Sign out."""
    return SignOut.create(label="Sign out")
