"""A flow graph, or a run on it, becomes a scene: plain values with every position worked out.

``compose_graph`` and ``compose_overlay`` (in ``compose``) are the way in; ``scene`` is what comes out.
"""
