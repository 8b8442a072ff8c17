"""It says that it locks what an open saga wrote, and lets the second one in: the lock is set, and never looked at.

Both write, the first is rolled back and restores what it had found: the second one's effect is gone, though it was
reported as committed.

Seen: *dirty writes* between sagas are what the semantic lock is for (Frank and Zahle, `Semantic ACID properties in
multidatabases`, 1998); https://github.com/apache/incubator-seata/issues/2848 is what happens without.
"""

from __future__ import annotations

import time
from pathlib import Path

from flask import Flask

from chaos.gallery.participants.protocol import install
from chaos.gallery.participants.right import SCHEMA, Participant, Pause


class NoLock(Participant):
    schema = SCHEMA.replace("CREATE UNIQUE INDEX", "CREATE INDEX")


def make(folder: Path, pause: Pause = time.sleep) -> Flask:
    return install(NoLock(folder, pause))
