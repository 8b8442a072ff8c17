"""What git_server reads from its environment."""

from __future__ import annotations

from pydantic import Field, HttpUrl

from service_kit.settings import ServiceSettings

DAY = 86_400.0


class Settings(ServiceSettings):
    """Settings of git_server; every name is an environment variable in capitals.

    Attributes:
        filesystem_url: where filesystem_server answers (the link of this service, so that it can be disturbed alone).
        filesystem_timeout: seconds of silence after which one read of a file is given up.
        reading_timeout: seconds that reading all files of one snapshot may take.
        reading_parallel: files of one snapshot that are read at once.
        lock_timeout: seconds to wait for another request that works on the same project.
        barrier_retention: seconds that the barrier remembers a closed saga (longer than the longest possible delay).
        prune_grace: seconds that the objects of an undone snapshot stay on disk, for clones that are under way.
    """

    filesystem_url: HttpUrl
    filesystem_timeout: float = Field(default=5.0, gt=0)
    reading_timeout: float = Field(default=30.0, gt=0)
    reading_parallel: int = Field(default=4, ge=1, le=16)
    lock_timeout: float = Field(default=10.0, gt=0)
    barrier_retention: float = Field(default=7 * DAY, gt=0)
    prune_grace: float = Field(default=600.0, ge=0)
