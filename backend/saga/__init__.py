"""The saga core: what a saga is and what its next move must be. Pure: no IO, no clock, no random numbers."""
