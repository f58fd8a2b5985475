"""The five-node workflow of docs/concepts that tests and benchmarks run: a webhook that doubles and sizes a number."""

from typing import Any

SIZE_IT: dict[str, Any] = {
    "weft": 1,
    "name": "Size it",
    "nodes": {
        "hook": {"type": "trigger.webhook", "with": {"path": "size", "method": "POST", "respond": "answer"}},
        "double": {
            "type": "data.set",
            "with": {"record": "{{ hook.body }}", "fields": {"doubled": "{{ hook.body.value * 2 }}"}},
        },
        "big": {"type": "flow.if", "with": {"value": "{{ double }}", "when": "{{ value.doubled > 10 }}"}},
        "sized": {"type": "data.set", "with": {"record": "{{ big.yes }}", "fields": {"size": "big"}}},
        "answer": {"type": "flow.respond", "with": {"body": {"first": ["{{ sized }}", "{{ big.no }}"]}}},
    },
}
