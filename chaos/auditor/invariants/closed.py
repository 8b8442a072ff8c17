"""A6: no request without a valid token had an effect, as far as we tried."""

from __future__ import annotations

from chaos.auditor.facts import Probe
from chaos.auditor.verdicts import Finding, Outcome, Word
from chaos.auditor.world import World

REFUSED = (401, 403)


def doors_are_closed(world: World) -> Outcome:
    """Every probe was refused, and nothing of it is anywhere."""
    facts = world.probes.get()
    outcome = Outcome(unseen=list(facts.skipped), notes=list(facts.unguarded))
    for probe in facts.probes:
        outcome.looked["probes"] += 1
        if probe.appeared or (probe.status is not None and probe.status < 300):
            outcome.findings.append(_open_door(probe))
        elif probe.appeared is None or probe.status not in REFUSED:
            why = probe.trouble or f"answered {probe.status}, which is neither 401 nor 403"
            outcome.unseen.append(f"{probe.participant}, {probe.request} with {probe.credential}: {why}")
    if not facts.probes and not facts.skipped:
        outcome.unseen.append("nothing was probed")
    return outcome


def _open_door(probe: Probe) -> Finding:
    effect = "its effect is there" if probe.appeared else "its effect was not found"
    evidence = f"{probe.request} with {probe.credential} was answered {probe.status}; {effect}"
    return Finding(Word.OPEN_DOOR, "requests", None, None, probe.participant, evidence)
