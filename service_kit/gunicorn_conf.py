"""Gunicorn settings that all services share; what differs comes from the command line.

Keep-alive is longer than any client pool keeps an idle connection, so that the server is not the one to close it.
"""

worker_class = "gthread"
threads = 8
keepalive = 75
graceful_timeout = 5
accesslog = None
loglevel = "warning"
control_socket_disable = True  # its default path is one per user, and many services run side by side
