"""Charts small enough to be drawn with elements: bars with numbers, and a strip of recent runs."""

from app.components.charts.bars import Bar, Tick, bar_chart, sparkline

__all__ = ["Bar", "Tick", "bar_chart", "sparkline"]
