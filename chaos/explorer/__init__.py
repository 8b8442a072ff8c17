"""The explorer: every fault at every call, in one process, under virtual time (DESIGN section 10).

The services' real Flask apps on real folders, the saga's real core, runner, worker and log. Four things are simulated:

    network.py    a ``requests`` session that calls the apps, and every fault that a call can meet
    clock         in hub.py: sleeping moves the time, nothing waits
    scheduler     in hub.py: one task runs at a time, and switches at calls, sleeps and log writes only
    crashes       processes.py: a coordinator dies at a durable write; a participant is reopened from its folder

What happens when is decided by a ``Schedule`` (schedule.py) and by nothing else: the same schedule gives the same trace,
byte for byte. remembered.py makes it fast: a participant is a function of its state and the request, so each distinct
request in each distinct state runs for real once, and is looked up from then on.
"""
