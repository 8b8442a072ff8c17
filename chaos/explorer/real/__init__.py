"""Schedules over real processes: the same scenario, the same scheduler, and everything else as it is in production.

    stage.py        the system: participants under gunicorn, coordinators, the fault proxy on every link; runs schedules
    nursery.py      a process that has imported everything, and forks the others: a restart takes no second
    participant.py  one participant: the scenario's app under gunicorn, on its folder and its port
    coordinator.py  one coordinator: the scenario's own work; it dies by SIGKILL and stands still by SIGSTOP
    disk.py         what coordinators keep on their disk: saga logs as SQLite, anything else as a file
    switchboard.py  whatever those processes come to (a call, a durable write) they tell, and go on when told to
    carrier.py      what happens at each call: which http_fault on which link, who is killed when
    links.py        the fault proxy

Real are processes, kills, sockets, faults on links, disks. Simulated is the coordinators' time: leases, backoff and
the order in which several of them run are the schedule's, as in the simulation, so that a schedule happens here exactly
as it was found there, on a machine of any speed. Nobody waits but for a lost answer, for as long as PATIENCE.
"""
