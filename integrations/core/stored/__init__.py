"""What a workflow remembers from run to run."""

from integrations.core.stored.keys import only_new
from integrations.core.stored.named import counter, forget, recall, remember

NODES = (counter, remember, recall, forget, only_new)
