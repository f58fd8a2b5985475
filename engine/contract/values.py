"""The values that travel on wires: JSON, and references to stored bytes."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

Record = dict[str, Any]
Table = list[Record]


class File(BaseModel):
    """Stored bytes by reference. On the wire `{"$file": <sha256>, "name": …, "media_type": …, "size": …}`.

    The bytes are found only inside the workspace that stored them, so a forged id opens nothing.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)

    id: str = Field(alias="$file", pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the bytes, in hex")
    name: str = Field(max_length=255, description="What the file is called when it is downloaded")
    media_type: str = Field(default="application/octet-stream", description="The file's MIME type")
    size: int = Field(ge=0, description="Length in bytes")
