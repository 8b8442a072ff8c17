"""Wrong engines: each overrides one method of ``little_engine.LittleEngine``, and that is the bug."""
