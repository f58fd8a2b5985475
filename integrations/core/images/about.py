"""What a picture says of itself: size, camera, time, place; and taking that out."""

from __future__ import annotations

import io
import math
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field

from engine.contract import File, FileField, Files, Params, Port, action
from integrations.core.images.opening import ACCEPT, EXAMPLE, format_of, opened, saved, upright

if TYPE_CHECKING:
    from PIL.Image import Exif, Image

_LONGEST = 1_000
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_ORIENTATION = 0x0112


class Look(Params):
    file: Annotated[File, Port(), FileField(accept=ACCEPT)] = Field(
        description="The picture, up to 50 MB", examples=[EXAMPLE]
    )


class Location(BaseModel):
    """A place on earth."""

    latitude: float = Field(description="Degrees north; negative is south")
    longitude: float = Field(description="Degrees east; negative is west")


class AboutPicture(BaseModel):
    """What a picture says of itself."""

    format: str = Field(description="The format, in small letters")
    width: int = Field(description="Width in points, once the picture is upright")
    height: int = Field(description="Height in points, once the picture is upright")
    transparent: bool = Field(description="Whether it is see-through anywhere")
    frames: int = Field(description="How many pictures it holds; an animation has several")
    taken_at: str | None = Field(description="When it was taken, as the camera's clock said")
    camera: str = Field(description="What it was taken with")
    location: Location | None = Field(description="Where it was taken")
    exif: dict[str, Any] = Field(description="All that the camera noted, by the names of the Exif standard")


@action(
    "images.metadata",
    title="Image info",
    category="images",
    icon="scan-text",
    cpu=True,
    subtitle="Size, camera, time, place",
    keywords=("picture", "photo", "exif", "metadata", "width", "height", "gps", "camera", "date"),
)
def metadata(params: Look, files: Files) -> AboutPicture:
    """Read what a picture says of itself: its format and size, and the camera, time and place that were noted (EXIF).

    With a list: each picture is looked at by itself.
    """
    with opened(params.file, files) as picture:
        exif = picture.getexif()
        told = _told(exif)
        turned = exif.get(_ORIENTATION) in (5, 6, 7, 8)
        width, height = (picture.height, picture.width) if turned else picture.size
        return AboutPicture(
            format=format_of(picture),
            width=width,
            height=height,
            transparent=picture.has_transparency_data,
            frames=getattr(picture, "n_frames", 1),
            taken_at=_taken(told),
            camera=" ".join(str(told[name]) for name in ("Make", "Model") if told.get(name)),
            location=_location(exif),
            exif=told,
        )


def _told(exif: Exif) -> dict[str, Any]:
    """What can be said in JSON, by name; blocks of bytes are left out."""
    from PIL.ExifTags import GPSTAGS, TAGS  # noqa: PLC0415  loaded where used

    found: dict[str, Any] = {}
    for tags, names in ((dict(exif), TAGS), (exif.get_ifd(_EXIF_IFD), TAGS), (exif.get_ifd(_GPS_IFD), GPSTAGS)):
        for tag, value in tags.items():
            plain = _plain(value)
            if plain is not None and tag not in (_EXIF_IFD, _GPS_IFD):
                found[names.get(tag, f"tag {tag}")] = plain
    return dict(sorted(found.items()))


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return value.replace("\x00", "").strip()[:_LONGEST]
    if isinstance(value, tuple):
        parts = [_plain(part) for part in value[:100]]
        return None if None in parts else parts
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if math.isfinite(number) else None


def _taken(told: dict[str, Any]) -> str | None:
    for name in ("DateTimeOriginal", "DateTimeDigitized", "DateTime"):
        try:
            moment = datetime.strptime(str(told.get(name)), "%Y:%m:%d %H:%M:%S")
        except ValueError:
            continue
        offset = str(told.get("OffsetTimeOriginal" if name == "DateTimeOriginal" else "OffsetTime", ""))
        return moment.isoformat() + (offset if len(offset) == 6 and offset[0] in "+-" else "")
    return None


def _location(exif: Exif) -> Location | None:
    gps = exif.get_ifd(_GPS_IFD)
    try:
        latitude = _degrees(gps[2], str(gps.get(1, "N")), "S")
        longitude = _degrees(gps[4], str(gps.get(3, "E")), "W")
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return None
    return Location(latitude=latitude, longitude=longitude)


def _degrees(parts: Any, side: str, negative: str) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    value = round(degrees + minutes / 60 + seconds / 3600, 7)
    return -value if side.strip().upper().startswith(negative) else value


@action(
    "images.strip",
    title="Remove image metadata",
    category="images",
    icon="shield-check",
    cpu=True,
    subtitle="Take out camera, time and place",
    keywords=("picture", "photo", "exif", "metadata", "privacy", "gps", "anonymize", "strip"),
)
def strip_metadata(params: Look, files: Files) -> File:
    """Take out of a picture what it says of camera, time and place. The picture is set upright; its colors stay.

    A JPEG that is upright already keeps its very points. Of an animation the first picture is taken.

    With a list: each picture is cleaned by itself.
    """
    with opened(params.file, files) as source:
        kind = format_of(source)
        if source.format == "JPEG" and source.getexif().get(_ORIENTATION, 1) == 1:
            return files.save(params.file.name, "image/jpeg", _same_points(source))
        return saved(upright(source), params.file, "", kind, files, quality=95)


def _same_points(picture: Image) -> bytes:
    """The JPEG with its own tables and sampling (`quality="keep"`), so that its points stay within rounding."""
    buffer = io.BytesIO()
    profile = picture.info.get("icc_profile")
    picture.info = {"icc_profile": profile} if profile else {}
    picture.save(buffer, "JPEG", quality="keep", exif=b"", icc_profile=profile)
    return buffer.getvalue()
