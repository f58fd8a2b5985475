"""Small operations on a drawing, as the editor sends them: pure, each with its way back.

{"op": "add_node", "id", "type", "label"?, "x"?, "y"?, "node"?: the rest as in a document, "index"?}
{"op": "remove_node", "node", "heal"?: join what it stood between, "clear"? = true: clear what refers to it,
    "body"? = "remove" | "keep": what becomes of what stands in a container; without "clear" nothing}
{"op": "move", "node", "x", "y"}                     without x and y: placed by itself again
{"op": "set_field", "node", "path", "value"}         a dotted path or a list of steps; null or absent: cleared
{"op": "connect", "source", "port", "target", "field"}       field: a path in the fields, or "after"
{"op": "disconnect", "source", "port", "target", "field"}
{"op": "splice", "node", "source", "port", "target", "field", "into"?}   the node goes into this wire; into: its field
{"op": "rename", "node", "label"}                    the id never changes
{"op": "set_option", "node", "key", "value"}         a document's word beside type and with; null: the default
{"op": "paste", "nodes", "layout"?, "names"?}        nodes as in a document; names: the new id of each
{"op": "set_name", "name"}
{"op": "move_into", "nodes", "container", "places"?}  container: null for the top level; places: [x, y] by id
{"op": "group", "nodes", "type", "id"?, "label"?, "node"?}    a new container around nodes of one level
{"op": "ungroup", "node"}                            the body stays, the container goes

A place is that of the body a node stands in. "add_node" and "paste" take "in": the container to stand in.
"""

from engine.patch.applying import apply
from engine.patch.changes import PatchError
from engine.patch.difference import difference

__all__ = ["PatchError", "apply", "difference"]
