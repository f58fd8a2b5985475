"""The look: icons, controls and surfaces as pure functions; their CSS is in ``assets/css``."""

from app.components.theme.controls import (
    button,
    icon_button,
    link_button,
    segmented_links,
    segmented_radios,
    submit_button,
)
from app.components.theme.dialogs import confirm, menu, modal
from app.components.theme.fields import checkbox, field, search_box, select, switch, text_area, text_input
from app.components.theme.icons import icon, logo, tile
from app.components.theme.rest_form import rest_form
from app.components.theme.states import chip, state_chip, state_icon, state_word
from app.components.theme.surfaces import (
    card,
    code_block,
    empty_state,
    error_state,
    loading,
    notice,
    progress_bar,
    skeleton_rows,
)
from app.components.theme.time import duration, elapsed, greeting, moment

STYLESHEETS = tuple(f"/css/{name}.css" for name in ("tokens", "base", "controls", "layout", "pages", "editor"))

__all__ = [
    "STYLESHEETS",
    "button",
    "card",
    "checkbox",
    "chip",
    "code_block",
    "confirm",
    "duration",
    "elapsed",
    "empty_state",
    "error_state",
    "field",
    "greeting",
    "icon",
    "icon_button",
    "link_button",
    "loading",
    "logo",
    "menu",
    "modal",
    "moment",
    "notice",
    "progress_bar",
    "rest_form",
    "search_box",
    "segmented_links",
    "segmented_radios",
    "select",
    "skeleton_rows",
    "state_chip",
    "state_icon",
    "state_word",
    "submit_button",
    "switch",
    "text_area",
    "text_input",
    "tile",
]
