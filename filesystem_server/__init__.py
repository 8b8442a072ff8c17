"""Files of projects, saved by sagas that can take every write back."""
