"""The nodes that need no service."""

from engine.contract import Integration
from integrations.core.ai import NODES as AI
from integrations.core.code import NODES as CODE
from integrations.core.data import NODES as DATA
from integrations.core.files import NODES as FILES
from integrations.core.flow import NODES as FLOW
from integrations.core.http import CREDENTIALS
from integrations.core.http import NODES as HTTP
from integrations.core.images import NODES as IMAGES
from integrations.core.security import CREDENTIALS as KEYS
from integrations.core.security import NODES as SECURITY
from integrations.core.stored import NODES as STORED

integration = Integration(
    id="core",
    name="Core",
    description="The nodes that need no service: start, branch, change, read, write, call, sort.",
    nodes=(*FLOW, *DATA, *SECURITY, *STORED, *FILES, *IMAGES, *HTTP, *CODE, *AI),
    credentials=(*CREDENTIALS, *KEYS),
)
