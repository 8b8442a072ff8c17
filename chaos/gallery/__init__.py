"""Sagas, engines and participants that are wrong, each in one way that was seen in public (docs/gallery.md).

sagas/          their steps are the bug; with writing.py, items.py and till.py, which they share
engines/        each overrides one method of little_engine.py, which is right
participants/   for the conformance kit; participant_entries.py puts those before the explorer that it can catch
registry.py     all of them by name; wrong.py and mended.py are what ``testbed explore --saga`` takes
power.py        how many schedules it takes to find each
naive_saga.py   the first of them, which ``testbed demo`` runs over a real system (naive_run.py, paper_log.py)
"""
