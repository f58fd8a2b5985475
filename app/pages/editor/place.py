"""Where a tab of the editor is: the workflow of its address, and the node that is selected."""

from app.pages.editor.inspector import InspectorState
from app.services.errors import Conflict
from app.session import SessionState


def workflow_id(state: SessionState) -> str:
    """The workflow that the tab's address names."""
    return str(state.router.url.path.rstrip("/").rpartition("/")[2])


async def selected(state: SessionState) -> str:
    """The id of the node that is selected. Raises Conflict if it is not exactly one."""
    node_id: str = (await state.get_state(InspectorState)).selected
    if not node_id:
        raise Conflict("Select the node first.")
    return node_id
