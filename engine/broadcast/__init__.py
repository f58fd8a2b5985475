"""How lists meet fields that take a single value: pure functions from outputs to calls, and from results to outputs."""

from engine.broadcast.binding import bind, bind_inside, reached
from engine.broadcast.calls import Call, CallScope, Mapped, Once, Skip
from engine.broadcast.collecting import Failed, collect, joined
from engine.broadcast.edges import edges, port_of, ports
from engine.broadcast.fields import Fields, fields_inside, fields_of
from engine.broadcast.leaves import Leaf, Mode
from engine.broadcast.resolving import axis_of, resolve, resolve_inside
from engine.broadcast.values import SKIPPED, Axis, NodeOutputs, Skipped, Value

__all__ = [
    "SKIPPED",
    "Axis",
    "Call",
    "CallScope",
    "Failed",
    "Fields",
    "Leaf",
    "Mapped",
    "Mode",
    "NodeOutputs",
    "Once",
    "Skip",
    "Skipped",
    "Value",
    "axis_of",
    "bind",
    "bind_inside",
    "collect",
    "edges",
    "fields_inside",
    "fields_of",
    "joined",
    "port_of",
    "ports",
    "reached",
    "resolve",
    "resolve_inside",
]
