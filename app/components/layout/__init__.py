"""The frame around every page: rail, bottom bar, skip link, page header."""

from app.components.layout.shell import page_header, public_frame, shell, sign_card
from app.components.layout.toasts import connection_watch, menu_script

__all__ = ["connection_watch", "menu_script", "page_header", "public_frame", "shell", "sign_card"]
