"""Pictures: their size, shape and format, what they say of themselves, and codes in them."""

from integrations.core.images.about import metadata, strip_metadata
from integrations.core.images.codes import make_qr, read_codes
from integrations.core.images.shape import convert, crop, resize, rotate

NODES = (resize, convert, crop, rotate, metadata, strip_metadata, make_qr, read_codes)
