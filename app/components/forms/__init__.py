"""Forms of nodes, made from their JSON Schema."""

from app.components.forms.forms import completions, drag_value, name_field, option_field, retry_field
from app.components.forms.node_form import node_form

__all__ = ["completions", "drag_value", "name_field", "node_form", "option_field", "retry_field"]
