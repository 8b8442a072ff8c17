"""What the API may answer instead of a result.

ApiError            status, message
+-- BadRequest      400  the body or one of its fields is wrong; the message names it
+-- NotFound        404  no such proxy, no such toxic
+-- Conflict        409  the name is taken
+-- TooLarge        413  the body is over the limit
+-- AddressFault    500  an address cannot be parsed, resolved or listened on (Toxiproxy's choice of status)
"""


class ApiError(Exception):
    """An answer other than success. `status` is the HTTP status, `message` goes into the body."""

    status = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadRequest(ApiError):
    status = 400

    @classmethod
    def body(cls, reason: str) -> "BadRequest":
        """A body that cannot be read, in the words that Toxiproxy's clients look for."""
        return cls(f"bad request body: {reason}")

    @classmethod
    def missing(cls, field: str) -> "BadRequest":
        return cls(f"missing required field: {field}")


class NotFound(ApiError):
    status = 404


class Conflict(ApiError):
    status = 409


class TooLarge(ApiError):
    status = 413


class AddressFault(ApiError):
    status = 500
