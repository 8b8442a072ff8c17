"""The problems that only git_server knows, as leaves of the tree in ``service_kit.problems``.

Conflict     ├── HashMismatch             409 hash-mismatch           a file is not what the saga intended
             └── FileMissing              409 file-missing            a file is not there
Unavailable  ├── FilesystemUnavailable    503 filesystem-unavailable  the files could not be read now
             └── RepositoryUnavailable    503 repository-unavailable  git cannot work on the repository now
"""

from __future__ import annotations

from service_kit.problems import Conflict, Unavailable


class HashMismatch(Conflict):
    """A definite refusal without effect: the file on filesystem_server has another hash than the saga intended."""

    type, title = "hash-mismatch", "A file is not what the saga intended"

    def __init__(self, filename: str):
        super().__init__(f"the content of {filename!r} has another sha256", extra={"filename": filename})


class FileMissing(Conflict):
    """A definite refusal without effect: filesystem_server has no such file."""

    type, title = "file-missing", "A file of the snapshot is not there"

    def __init__(self, filename: str):
        super().__init__(f"filesystem_server has no {filename!r}", extra={"filename": filename})


class FilesystemUnavailable(Unavailable):
    """filesystem_server did not answer as it should; nothing was changed."""

    type, title = "filesystem-unavailable", "filesystem_server cannot be read now"

    def __init__(self, detail: str):
        super().__init__(detail, retry_after=1)


class RepositoryUnavailable(Unavailable):
    """git failed, or another request works on this project for longer than the lock's timeout."""

    type, title = "repository-unavailable", "The repository cannot be used now"

    def __init__(self, detail: str):
        super().__init__(detail, retry_after=1)
