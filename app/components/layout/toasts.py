"""Toasts, and what a tab says while it cannot reach the server."""

import reflex as rx
from reflex_components_core.core.banner import has_too_many_connection_errors

from app.components.theme.icons import icon

_SCRIPT = """
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]"))
    if (!menu.contains(event.target) || event.target.closest(".panel")) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
});
document.addEventListener("click", (event) => {
  // What lies above a row's link for its tooltip leads where the row leads.
  const row = event.target.closest("tr:has(.row-link)");
  if (row && !event.target.closest("a, button, summary, .menu")) row.querySelector(".row-link").click();
});
if (/Mac|iP/.test(navigator.platform)) document.documentElement.dataset.keys = "mac";
document.addEventListener("keydown", (event) => {
  const field = document.querySelector(".page .search input");
  if (!field || event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  field.focus();
  field.select();
});
"""


def connection_watch() -> rx.Component:
    """A calm line at the bottom while the connection is gone; it goes by itself when it is back."""
    return rx.cond(
        has_too_many_connection_errors,
        rx.el.div(
            icon("wifi-off"),
            rx.el.div(
                rx.el.b("No connection to Weft"),
                "What you see may be out of date. Runs go on without this page; it reconnects by itself.",
            ),
            class_name="notice wait offline",
            role="status",
        ),
        rx.fragment(),
    )


def menu_script() -> rx.Component:
    """Closes open menus on a click outside and on Escape; opens rows; Ctrl+K goes to the search of the page."""
    return rx.el.script(_SCRIPT)
