"""Resize, convert, crop and rotate pictures."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from engine.contract import BadParams, File, FileField, Files, Params, Port, Select, action
from integrations.core.images.opening import (
    ACCEPT,
    EXAMPLE,
    Format,
    check_size,
    color,
    format_of,
    full_color,
    opened,
    saved,
    upright,
)

Picture = Annotated[
    File, Port(), FileField(accept=ACCEPT), Field(description="The picture, up to 50 MB", examples=[EXAMPLE])
]
Quality = Annotated[
    int, Field(ge=1, le=100, description="How good JPEG, WebP and AVIF are: 1 to 100, larger files", examples=[85])
]
NewName = Annotated[str, Field(description="The new file's name; none: that of the picture", examples=["small.jpg"])]


class Resize(Params):
    file: Picture
    width: int | None = Field(default=None, ge=1, le=20_000, description="The new width in points", examples=[800])
    height: int | None = Field(default=None, ge=1, le=20_000, description="The new height in points", examples=[600])
    fit: Literal["inside", "cover", "stretch"] = Field(
        default="inside",
        description="With both given: fit inside of them, fill them and cut what sticks out, or stretch",
        examples=["cover"],
    )
    enlarge: bool = Field(default=False, description="Whether a smaller picture is made larger", examples=[True])
    quality: Quality = 85
    name: NewName = ""


@action(
    "images.resize",
    title="Resize image",
    category="images",
    icon="scale",
    cpu=True,
    subtitle="To a width and height",
    keywords=("picture", "photo", "thumbnail", "scale", "shrink", "size"),
)
def resize(params: Resize, files: Files) -> File:
    """Make a picture smaller or larger. With one of width and height, the other follows.

    The picture is turned upright, and keeps its format and color profile; what the camera noted is left out. Of an
    animation the first picture is taken.

    With a list: each picture is resized by itself.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415  loaded where used

    if params.width is None and params.height is None:
        raise BadParams("Neither a width nor a height is given.", field="width", hint="Give one of them, or both.")
    with opened(params.file, files) as source:
        kind = format_of(source)
        picture = full_color(upright(source))
        wide = params.width or max(1, round(picture.width * (params.height or 1) / picture.height))
        high = params.height or max(1, round(picture.height * wide / picture.width))
        check_size(wide, high)
        grows = wide > picture.width or high > picture.height
        method = Image.Resampling.LANCZOS
        if params.fit == "cover" and (params.enlarge or not grows):
            picture = ImageOps.fit(picture, (wide, high), method)
        elif params.fit == "stretch" and (params.enlarge or not grows):
            picture = picture.resize((wide, high), method)
        elif params.enlarge or picture.width > wide or picture.height > high:
            ratio = min(wide / picture.width, high / picture.height)
            inside = (max(1, round(picture.width * ratio)), max(1, round(picture.height * ratio)))
            picture = picture.resize(inside, method)
        return saved(picture, params.file, params.name, kind, files, params.quality)


class Convert(Params):
    file: Picture
    format: Annotated[Format, Select(options=get_args(Format))] = Field(
        description="The format to write", examples=["webp"]
    )
    quality: Quality = 85
    background: str = Field(
        default="white",
        description="What stands behind a see-through picture where the format knows no such thing",
        examples=["#ffffff"],
    )
    gray: bool = Field(default=False, description="Without color", examples=[True])
    name: NewName = ""


@action(
    "images.convert",
    title="Convert image",
    category="images",
    icon="image",
    cpu=True,
    subtitle="To PNG, JPEG, WebP, …",
    keywords=("picture", "photo", "format", "png", "jpg", "jpeg", "webp", "avif", "gif", "tiff", "compress", "gray"),
)
def convert(params: Convert, files: Files) -> File:
    """Write a picture in another format: PNG, JPEG, WebP, AVIF, GIF, TIFF or BMP.

    The picture is turned upright; what the camera noted is left out. Of an animation the first picture is taken.

    With a list: each picture is converted by itself.
    """
    behind = params.background
    color(behind, "background")
    with opened(params.file, files) as source:
        picture = full_color(upright(source))
        if params.gray:
            picture = picture.convert("LA" if picture.mode == "RGBA" else "L")
        return saved(picture, params.file, params.name, params.format, files, params.quality, behind)


class Crop(Params):
    file: Picture
    left: int = Field(default=0, ge=0, description="Where to begin, in points from the left", examples=[100])
    top: int = Field(default=0, ge=0, description="Where to begin, in points from the top", examples=[50])
    width: int | None = Field(
        default=None, ge=1, description="How wide the part is; none: up to the right edge", examples=[400]
    )
    height: int | None = Field(
        default=None, ge=1, description="How high the part is; none: down to the lower edge", examples=[300]
    )
    quality: Quality = 85
    name: NewName = ""


@action(
    "images.crop",
    title="Crop image",
    category="images",
    icon="crop",
    cpu=True,
    subtitle="Cut a part out",
    keywords=("picture", "photo", "cut", "part", "region", "trim"),
)
def crop(params: Crop, files: Files) -> File:
    """Cut a part out of a picture. Points are counted from the upper left corner of the upright picture.

    A part that reaches beyond the picture is an error that tells the picture's size.

    With a list: each picture is cut by itself.
    """
    with opened(params.file, files) as source:
        kind = format_of(source)
        picture = upright(source)
        right = params.left + (params.width or max(1, picture.width - params.left))
        lower = params.top + (params.height or max(1, picture.height - params.top))
        if right > picture.width or lower > picture.height:
            raise BadParams(
                f"The part reaches to {right:,} by {lower:,}, but “{params.file.name}” is {picture.width:,} by "
                f"{picture.height:,} points.",
                field="width" if right > picture.width else "height",
                hint="Choose a part inside of the picture.",
            )
        part = picture.crop((params.left, params.top, right, lower))
        return saved(part, params.file, params.name, kind, files, params.quality)


class Rotate(Params):
    file: Picture
    degrees: float = Field(
        default=0, ge=-360, le=360, description="How far to turn, clockwise; 90 stands it on its right side",
        examples=[90],
    )  # fmt: skip
    flip: Literal["none", "left_right", "up_down"] = Field(
        default="none", description="Mirror it after turning", examples=["left_right"]
    )
    background: str = Field(
        default="white", description="What fills the corners of a picture turned by an odd angle", examples=["black"]
    )
    quality: Quality = 85
    name: NewName = ""


@action(
    "images.rotate",
    title="Rotate image",
    category="images",
    icon="rotate-cw",
    cpu=True,
    subtitle="Turn or mirror",
    keywords=("picture", "photo", "turn", "flip", "mirror", "orientation", "upright"),
)
def rotate(params: Rotate, files: Files) -> File:
    """Turn a picture clockwise, mirror it, or only set it upright as the camera noted (0 degrees).

    Quarter turns lose nothing. After any other angle the picture is as large as it needs to be to hold all of it.

    With a list: each picture is turned by itself.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415  loaded where used

    behind = color(params.background, "background")
    with opened(params.file, files) as source:
        kind = format_of(source)
        picture = full_color(upright(source))
        quarters = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
        angle = params.degrees % 360
        if angle in quarters:
            picture = picture.transpose(quarters[int(angle)])
        elif angle:
            picture = picture.convert("RGBA" if picture.mode == "RGBA" else "RGB")
            fill = (*behind, 0) if picture.mode == "RGBA" else behind
            picture = picture.rotate(-angle, Image.Resampling.BICUBIC, expand=True, fillcolor=fill)
        if params.flip == "left_right":
            picture = ImageOps.mirror(picture)
        elif params.flip == "up_down":
            picture = ImageOps.flip(picture)
        check_size(picture.width, picture.height)
        return saved(picture, params.file, params.name, kind, files, params.quality, params.background)
