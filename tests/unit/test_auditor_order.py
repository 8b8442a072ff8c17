"""A5: histories that leave the rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.auditor.facts import LogEvent, LogRow
from chaos.auditor.verdicts import Word
from tests.unit.auditor_world import ALL_VALID, FILES, LINKS, RELATIONSHIPS, SNAPSHOT, Built, two_sagas


def of(events: list[LogEvent], kind: str, step: str | None = None) -> int:
    return next(n for n, event in enumerate(events) if event.type == kind and step in (None, event.step))


def renumbered(events: list[LogEvent]) -> list[LogEvent]:
    return [replace(event, position=n, seq=n) for n, event in enumerate(events, start=1)]


def committed() -> Built:
    built = Built()
    built.commit("s", {"a.md": "x"}, LINKS)
    return built


def rolled_back() -> Built:
    built = Built()
    built.roll_back("s", {"a.md": "x"}, LINKS)
    return built


def without(built: Built, kind: str, step: str | None = None) -> None:
    del built.events[of(built.events, kind, step)]
    built.events = renumbered(built.events)


def moved(built: Built, kind: str, step: str | None, before: str, before_step: str | None = None) -> None:
    event = built.events.pop(of(built.events, kind, step))
    built.events.insert(of(built.events, before, before_step), event)
    built.events = renumbered(built.events)


def test_an_effect_before_its_intent_is_the_wrong_order() -> None:
    built = committed()
    moved(built, "step.started", RELATIONSHIPS, "saga.begun")
    (finding,) = built.judge()["A5"].findings
    assert finding.word is Word.WRONG_ORDER
    assert "no begin record" in finding.evidence


def test_an_intent_logged_after_the_effect_is_the_wrong_order() -> None:
    built = committed()
    moved(built, "step.done", FILES, "step.started", FILES)
    assert Word.WRONG_ORDER in built.words("A5")


def test_a_step_that_the_begin_record_does_not_name() -> None:
    built = committed()
    built.events.insert(5, LogEvent(0, "s", 0, "step.started", "Send mail", {}))
    built.events = renumbered(built.events)
    assert "does not name this step" in built.judge()["A5"].findings[0].evidence


def test_effects_of_a_saga_that_never_began() -> None:
    built = Built()
    built.write("s", "saga.requested", project="proj", user="u")
    built.write("s", "saga.rolled_back", error="no documents")
    assert built.verdicts() == ALL_VALID
    built.put_links("s", LINKS)
    built.put_commit("s", {"a.md": "x"})
    assert built.words("A5") == [Word.WRONG_ORDER, Word.WRONG_ORDER]


def test_undo_in_forward_order() -> None:
    built = rolled_back()
    for kind in ("undo.done", "undo.started"):
        moved(built, kind, RELATIONSHIPS, "undo.started", SNAPSHOT)
    moved(built, "undo.started", RELATIONSHIPS, "undo.done", RELATIONSHIPS)
    (finding,) = built.judge()["A5"].findings
    assert finding.word is Word.WRONG_ORDER
    assert f"{SNAPSHOT}, {FILES}" in finding.evidence


def test_steps_of_one_parallel_group_may_be_undone_in_any_order() -> None:
    built = rolled_back()
    for kind in ("undo.done", "undo.started"):
        moved(built, kind, RELATIONSHIPS, "undo.started", FILES)
    moved(built, "undo.started", RELATIONSHIPS, "undo.done", RELATIONSHIPS)
    assert built.words("A5") == [Word.WRONG_ORDER]
    begun = built.events[of(built.events, "saga.begun")]
    for step in begun.data["steps"][:2]:
        step["group"] = "write"
    assert built.words("A5") == []


@pytest.mark.parametrize("step", [RELATIONSHIPS, FILES, SNAPSHOT])
def test_a_started_step_that_was_never_undone_makes_rolled_back_false(step: str) -> None:
    built = rolled_back()
    without(built, "undo.done", step)
    assert Word.FALSE_COMPENSATED in built.words("A5")


def test_a_skipped_undo_is_no_forgotten_one() -> None:
    built = rolled_back()
    place = of(built.events, "undo.done", SNAPSHOT)
    built.events[place] = replace(built.events[place], type="undo.skipped", data={"by": "ann", "reason": "r"})
    assert built.words("A5") == []


def test_steps_without_an_effect_at_a_participant_need_no_undo() -> None:
    built = Built()
    built.write("s", "saga.requested", project="trip", user="u")
    steps = [{"name": "Think", "kind": "compensable", "group": None, "intent": None}]
    built.write("s", "saga.begun", deadline=None, steps=steps)
    built.do("s", "Think")
    built.write("s", "saga.rollback_began", reason="cancelled", failed_step=None)
    built.write("s", "saga.rolled_back", error="cancelled")
    assert built.verdicts() == ALL_VALID


def test_a_take_over_may_undo_what_was_never_recorded_as_started() -> None:
    built = Built()
    built.begin("s", {"a.md": "x"})
    built.write("s", "saga.claimed", worker="w2", fence=2, lost="w1")
    built.write("s", "saga.rollback_began", reason="worker lost", failed_step=None)
    built.undo("s", SNAPSHOT, FILES, RELATIONSHIPS)
    built.write("s", "saga.rolled_back", error="worker lost")
    assert built.verdicts() == ALL_VALID


def test_a_commit_before_all_steps_are_done_is_false() -> None:
    built = committed()
    without(built, "step.done", SNAPSHOT)
    assert Word.FALSE_COMMITTED in built.words("A5")


def test_confirm_before_commit() -> None:
    built = committed()
    moved(built, "confirm.started", RELATIONSHIPS, "saga.committed")
    assert built.words("A5") == [Word.WRONG_ORDER]


def test_finished_without_a_confirm() -> None:
    built = committed()
    without(built, "confirm.done", FILES)
    assert built.words("A5") == [Word.WRONG_ORDER]


def test_a_committed_saga_that_rolls_back() -> None:
    built = committed()
    built.write("s", "saga.rollback_began", reason="late", failed_step=None)
    assert Word.WRONG_ORDER in built.words("A5")


def test_a_step_that_starts_while_the_saga_rolls_back() -> None:
    built = rolled_back()
    moved(built, "saga.rollback_began", None, "step.started", SNAPSHOT)
    assert Word.WRONG_ORDER in built.words("A5")


def test_a_gap_in_the_numbers_is_corrupt() -> None:
    built = two_sagas()
    del built.events[3]
    assert Word.CORRUPT in built.words("A5")


@pytest.mark.parametrize("change", [{"state": "executing"}, {"closed": False}, {"last_seq": 3}])
def test_the_table_of_sagas_must_say_what_the_events_say(change: dict[str, object]) -> None:
    built = committed()
    row = LogRow("s", "wiki", "proj", "committed", True, len(built.events))
    built.rows = {"s": row}
    assert built.verdicts() == ALL_VALID
    built.rows = {"s": replace(row, **change)}  # type: ignore[arg-type]
    assert built.words("A5") == [Word.CORRUPT]


def test_a_saga_of_the_table_without_any_event_is_corrupt() -> None:
    built = two_sagas()
    built.rows = {"lost": LogRow("lost", "wiki", "proj", "committed", True, 9)}
    assert built.words("A5") == [Word.CORRUPT]


def test_nothing_follows_the_event_that_closes_a_saga() -> None:
    built = rolled_back()
    refused = replace(built.events[of(built.events, "step.started", FILES)], type="step.refused")
    built.events = renumbered([*built.events, refused])
    assert "closed already" in " ".join(finding.evidence for finding in built.judge()["A5"].findings)


def test_a_step_that_has_no_compensation_holds_up_no_undo_and_is_not_forgotten() -> None:
    built = rolled_back()
    begun = built.events[of(built.events, "saga.begun")]
    steps = [{**step, "undo": step["name"] != SNAPSHOT} for step in begun.data["steps"]]
    built.events[of(built.events, "saga.begun")] = replace(begun, data={**begun.data, "steps": steps})
    for kind in ("undo.started", "undo.done"):
        without(built, kind, SNAPSHOT)
    built.rows.clear()
    assert built.judge()["A5"].findings == ()
