"""What is wrong with a drawing, where lists map it, and what a wire may end in: asked after every edit."""

from engine.broadcast import edges
from engine.problem import Fix, Problem
from engine.validation.checking import problems
from engine.validation.mapping import ranks
from engine.validation.outside import Interface, Outside, Taken
from engine.validation.shapes import Shape
from engine.validation.targets import Fit, Targets, targets

__all__ = [
    "Fit",
    "Fix",
    "Interface",
    "Outside",
    "Problem",
    "Shape",
    "Taken",
    "Targets",
    "edges",
    "problems",
    "ranks",
    "targets",
]
