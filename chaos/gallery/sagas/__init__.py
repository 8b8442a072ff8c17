"""Wrong sagas: their steps are the bug; the engine and the participants are right."""
