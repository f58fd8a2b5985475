"""Opens and saves pictures within bounds: only known formats, and no picture that unpacks to more than memory holds.

A small file can hold a picture of billions of points ("decompression bomb"). The size that the header tells is checked
before anything is unpacked; a file that unpacks to more than its header tells is refused by Pillow itself.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, get_args

from engine.contract import BadParams, File, Files, OutputTooLarge
from integrations.core.files.tables import file_name

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BYTES = 50 * 1024 * 1024
MOST_POINTS = 50_000_000
ACCEPT = "image/png,image/jpeg,image/webp,image/gif,image/tiff,image/bmp,image/avif"
EXAMPLE = {"$file": "0" * 64, "name": "photo.jpg", "media_type": "image/jpeg", "size": 12}

Format = Literal["png", "jpeg", "webp", "gif", "tiff", "bmp", "avif"]
_EXTENSIONS: dict[str, str] = {"jpeg": ".jpg", "tiff": ".tif"}
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif")
_WITHOUT_ALPHA = ("jpeg", "bmp")
_READ = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")


@contextmanager
def opened(file: File, files: Files) -> Iterator[Image]:
    """The picture, not yet unpacked. Raises BadParams, OutputTooLarge, also for what is found while it is used."""
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415  loaded where used

    if file.size > MOST_BYTES:
        raise OutputTooLarge(
            f"“{file.name}” has {file.size:,} bytes; pictures have at most {MOST_BYTES:,}.", hint="Shrink it before."
        )
    Image.init()
    Image.MAX_IMAGE_PIXELS = None  # the check below is ours: it refuses where Pillow would warn
    try:
        # Pillow warns of what it skips in damaged metadata; nobody would read that.
        with (
            warnings.catch_warnings(action="ignore", category=UserWarning),
            files.open(file) as stream,
            Image.open(stream, formats=_READ) as picture,
        ):
            if picture.width * picture.height > MOST_POINTS:
                raise OutputTooLarge(
                    f"“{file.name}” is {picture.width:,} by {picture.height:,} points; at most {MOST_POINTS:,} in all.",
                    hint="Shrink it in another program before.",
                )
            yield picture
    except UnidentifiedImageError as error:
        raise BadParams(
            f"“{file.name}” is no picture that can be read.",
            field="file",
            hint="PNG, JPEG, WebP, GIF, TIFF, BMP and AVIF are.",
        ) from error
    except (OSError, ValueError, SyntaxError, EOFError, KeyError, TypeError, IndexError, struct.error) as error:
        raise BadParams(
            f"“{file.name}” is a damaged picture: {str(error)[:120] or type(error).__name__}.",
            field="file",
            hint="Open it in a picture program and save it anew.",
        ) from error


def upright(picture: Image) -> Image:
    """Turned as the camera noted that it was held (EXIF orientation); of an animation the first picture."""
    from PIL import ImageOps  # noqa: PLC0415  loaded where used

    return ImageOps.exif_transpose(picture)


def full_color(picture: Image) -> Image:
    """With all its colors, and see-through where it is: palettes and other color spaces become RGB or RGBA."""
    if picture.mode in ("RGB", "RGBA", "L"):
        return picture
    return picture.convert("RGBA" if picture.has_transparency_data or picture.mode in ("LA", "PA") else "RGB")


def format_of(picture: Image) -> Format:
    """The format to save in where nothing is said: that of the file."""
    found: dict[str | None, Format] = {kind.upper(): kind for kind in get_args(Format)}
    return found.get(picture.format, "jpeg" if picture.format == "MPO" else "png")


def saved(  # noqa: PLR0917  what a saved picture is made of
    picture: Image, source: File, name: str, kind: Format, files: Files, quality: int = 85, background: str = "white"
) -> File:
    """Save the picture under `name` or the source's own, without metadata but its color profile."""
    picture = full_color(picture)
    if kind in _WITHOUT_ALPHA and picture.mode == "RGBA":
        picture = _flat(picture, background)
    options: dict[str, Any] = {}
    profile = picture.info.get("icc_profile")
    if profile and kind in ("jpeg", "png", "webp", "tiff", "avif"):
        options["icc_profile"] = profile
    if kind in ("jpeg", "webp", "avif"):
        options["quality"] = quality
    if kind in ("jpeg", "png"):
        options["optimize"] = True
    if kind == "tiff":
        options["compression"] = "tiff_deflate"
    clean = picture.copy()
    clean.info = {}
    buffer = io.BytesIO()
    clean.save(buffer, kind.upper(), **options)
    extension = _EXTENSIONS.get(kind, f".{kind}")
    path = PurePosixPath(name or source.name)
    stem = path.stem if path.suffix.lower() in _SUFFIXES else path.name
    return files.save(file_name(stem, extension), f"image/{kind}", buffer.getvalue())


def _flat(picture: Image, background: str) -> Image:
    from PIL import Image  # noqa: PLC0415  loaded where used

    under = Image.new("RGB", picture.size, color(background, "background"))
    under.paste(picture, mask=picture.getchannel("A"))
    under.info = picture.info
    return under


def color(text: str, field: str) -> tuple[int, int, int]:
    """A color by its name or as #rrggbb. Raises BadParams."""
    from PIL import ImageColor  # noqa: PLC0415  loaded where used

    try:
        return ImageColor.getrgb(text)[:3]
    except ValueError as error:
        raise BadParams(
            f"“{text[:40]}” is no color.", field=field, hint="Write a name such as white, or #2f6feb."
        ) from error


def check_size(width: int, height: int) -> None:
    """Raises OutputTooLarge for a picture that would be too large."""
    if width * height > MOST_POINTS:
        raise OutputTooLarge(
            f"The picture would be {width:,} by {height:,} points; at most {MOST_POINTS:,} in all.",
            hint="Make it smaller.",
        )
