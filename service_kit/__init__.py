"""What every Flask service of the testbed shares: tokens, problems, limits, metrics, logs. It knows no saga engine."""
