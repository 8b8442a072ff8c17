"""Load shapes: one file each, given to Locust beside the locustfile."""
