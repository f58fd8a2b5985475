"""Code of the user's own."""

from integrations.core.code.javascript import javascript
from integrations.core.code.python import python

NODES = (python, javascript)
