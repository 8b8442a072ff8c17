"""The participant conformance kit: is this HTTP service, in whatever language, safe to be called by a saga?

``template`` and ``spec`` say how its calls look, ``wire`` sends them, ``bench`` is what a check works with, ``checks/``
holds one small function a check, ``run`` judges. It reaches the server over the wire only, and knows no service.
"""
