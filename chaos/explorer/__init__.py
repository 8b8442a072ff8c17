"""The explorer: every fault at every call, in one process, under virtual time (DESIGN section 10).

The services' real Flask apps on real folders, the saga's real core, runner, worker and log. Four things are simulated:

    the network   in network.py: a ``requests`` session that calls the apps, and every fault that a call can meet
    the clock     in hub.py: sleeping moves the time, nothing waits
    the scheduler in hub.py: one task runs at a time, and switches at calls, sleeps and log writes only
    crashes       of a coordinator at a durable write (saga_log.py), of a participant at a call (network.py)

A ``Schedule`` (schedule.py) decides what happens, and nothing else does: the same schedule gives the same trace, byte
for byte. remembered.py makes it fast: a participant is a function of its state and the request, so each distinct
request in each distinct state runs for real once, and is looked up from then on.
"""
