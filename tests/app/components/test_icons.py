"""Every icon that is asked for is in the sheet that browsers load."""

import re

from app.components.theme import sprite
from engine.catalog import catalog
from engine.settings import CHECKOUT

NAMED = re.compile(r"""(?:icon_name=|icon\(|tile\(|empty_state\(\s*|icon_button\(\s*)["']([a-z0-9-]+)["']""")


def test_the_sheet_holds_what_the_list_names() -> None:
    held = re.findall(r'<symbol id="([^"]+)"', sprite.SHEET.read_text())
    assert held == sprite.names()


def test_every_node_has_its_icon() -> None:
    assert not {one.icon for one in catalog().all()} - set(sprite.names())


def test_every_icon_named_in_the_code_is_there() -> None:
    named = {name for path in (CHECKOUT / "app").rglob("*.py") for name in NAMED.findall(path.read_text())}
    assert len(named) > 30
    assert not named - set(sprite.names())


def test_an_icon_becomes_a_symbol_without_its_frame() -> None:
    svg = '<!-- licence -->\n<svg\n  viewBox="0 0 24 24"\n>\n  <path d="M1 1" />\n  <circle r="2" />\n</svg>\n'
    assert sprite.symbol("dot", svg) == (
        '<symbol id="dot" viewBox="0 0 24 24"><path d="M1 1" /><circle r="2" /></symbol>'
    )
