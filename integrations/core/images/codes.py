"""Make QR codes; read QR codes and bar codes in pictures."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field

from engine.contract import BadParams, File, FileField, Files, Multiline, Params, Port, action
from integrations.core.files.tables import file_name
from integrations.core.images.opening import ACCEPT, EXAMPLE, color, full_color, opened, upright

if TYPE_CHECKING:
    from zxingcpp import Barcode


class MakeQr(Params):
    text: Annotated[str, Port(), Multiline(rows=2)] = Field(
        min_length=1, max_length=4_296, description="What the code says: a text or an address",
        examples=["https://example.com/orders/7"],
    )  # fmt: skip
    format: Literal["png", "svg"] = Field(
        default="png", description="A picture of points, or of lines", examples=["svg"]
    )
    size: int = Field(default=8, ge=1, le=100, description="How many points wide each square of it is", examples=[10])
    border: int = Field(
        default=4, ge=0, le=40, description="How many squares stay empty around it; readers want four", examples=[4]
    )
    correction: Literal["L", "M", "Q", "H"] = Field(
        default="M",
        description="How much may be damaged: L 7 %, M 15 %, Q 25 %, H 30 %; more makes it larger",
        examples=["H"],
    )
    dark: str = Field(default="black", description="The color of its squares", examples=["#1d2433"])
    light: str = Field(default="white", description="The color between them", examples=["white"])
    name: str = Field(default="qr", min_length=1, description="The file's name", examples=["order 7"])


@action(
    "images.make_qr",
    title="Make QR code",
    category="images",
    icon="qr-code",
    cpu=True,
    subtitle="A text as a QR code",
    keywords=("qr", "barcode", "code", "link", "ticket", "label"),
)
def make_qr(params: MakeQr, files: Files) -> File:
    """Make a QR code of a text or an address, as PNG or SVG (ISO/IEC 18004). What fits is up to 2,953 bytes.

    With a list: each text becomes a code of its own.
    """
    import segno  # noqa: PLC0415  loaded where used

    dark, light = ("#{:02x}{:02x}{:02x}".format(*color(getattr(params, side), side)) for side in ("dark", "light"))
    if dark == light:
        raise BadParams("Both colors are the same: nobody could read the code.", field="light")
    try:
        # Told to the reader (ECI), since a reader that must guess takes some texts for another alphabet.
        said: dict[str, Any] = {} if params.text.isascii() else {"mode": "byte", "encoding": "utf-8", "eci": True}
        code = segno.make_qr(params.text, error=params.correction, boost_error=False, **said)
    except (segno.DataOverflowError, ValueError, UnicodeEncodeError) as error:
        raise BadParams(
            f"This text of {len(params.text):,} characters does not fit into a QR code.",
            field="text",
            hint="Shorten it, or choose the correction L. A link to a page says as much as you like.",
        ) from error
    buffer = io.BytesIO()
    code.save(buffer, kind=params.format, scale=params.size, border=params.border, dark=dark, light=light)
    media_type = "image/png" if params.format == "png" else "image/svg+xml"
    return files.save(file_name(params.name, f".{params.format}"), media_type, buffer.getvalue())


class ReadCodes(Params):
    file: Annotated[File, Port(), FileField(accept=ACCEPT)] = Field(
        description="The picture to look through, up to 50 MB", examples=[EXAMPLE]
    )
    only_qr: bool = Field(default=False, description="Look for QR codes alone", examples=[True])


class FoundCode(BaseModel):
    """A code in a picture."""

    text: str = Field(description="What it says")
    format: str = Field(description="Its kind, such as QRCode, EAN13 or Code128")
    left: int = Field(description="Where it begins, in points from the left")
    top: int = Field(description="Where it begins, in points from the top")
    width: int = Field(description="How wide it is, in points")
    height: int = Field(description="How high it is, in points")


@action(
    "images.read_codes",
    title="Read codes",
    category="images",
    icon="scan-qr-code",
    cpu=True,
    subtitle="QR codes and bar codes in a picture",
    keywords=("qr", "barcode", "scan", "ean", "isbn", "data matrix", "ticket", "label"),
)
def read_codes(params: ReadCodes, files: Files) -> list[FoundCode]:
    """Read all QR codes and bar codes in a picture, from top to bottom. A picture without a code gives an empty list.

    With a list: each picture is looked through by itself.
    """
    import zxingcpp  # noqa: PLC0415  loaded where used

    with opened(params.file, files) as source:
        picture = full_color(upright(source))
        if picture.mode == "RGBA":
            picture = picture.convert("RGB")
        if params.only_qr:
            found = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
        else:
            found = zxingcpp.read_barcodes(picture)
    codes = [_found(one) for one in found if one.valid]
    return sorted(codes, key=lambda one: (one.top, one.left))


def _found(one: Barcode) -> FoundCode:
    at = one.position
    corners = (at.top_left, at.top_right, at.bottom_right, at.bottom_left)
    xs, ys = [corner.x for corner in corners], [corner.y for corner in corners]
    return FoundCode(
        text=one.text, format=one.format.name,
        left=min(xs), top=min(ys), width=max(xs) - min(xs), height=max(ys) - min(ys),
    )  # fmt: skip
