"""`/metrics` of the backend tells the sagas by state, from the log."""

from __future__ import annotations

from backend.app import create_app
from backend.saga.events import Event, EventType
from backend.saga.ports import NewSaga
from backend.saga_log import open_saga_log
from backend.settings import Settings

KEYS = "k1:" + "s" * 40
NOWHERE = "http://127.0.0.1:9"


def test_the_sagas_are_counted_by_state_and_need_no_token():
    log = open_saga_log("memory:")
    settings = Settings(
        internal_token_keys=KEYS,
        user_token_keys=KEYS,
        saga_log_url="memory:",
        filesystem_url=NOWHERE,
        git_url=NOWHERE,
        chroma_url=NOWHERE,
        neo4j_url=NOWHERE,
    )
    client = create_app(settings, log).test_client()
    assert 'sagas{state="pending"} 0.0' in client.get("/metrics").text
    log.create(NewSaga("s1", "wiki", "p", "ann", {}), Event(EventType.REQUESTED, 1.0))
    text = client.get("/metrics").text
    assert 'sagas{state="pending"} 1.0' in text
    assert 'sagas{state="failed"} 0.0' in text
