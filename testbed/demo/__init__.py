"""`testbed demo`: the main job, end to end, on real input and under real faults, ending in a verdict."""

from testbed.demo.command import demo

__all__ = ["demo"]
