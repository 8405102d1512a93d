"""Descriptions in YAML: read into the objects of `cfngen.spec`, written from them, and explained.

Nothing here knows an option. `shapes` looks at the classes and says how each type is spelt in YAML; the reader's
`build`, the `schema`, the `write`r and `explain` follow it, so an option that a class gains is there in all four.

    text ─reader─▶ nodes ─overlay─▶ nodes of a stage ─build─▶ App ─write─▶ text
"""

from __future__ import annotations

from cfngen.manifest.stages import load_yaml

__all__ = ["load_yaml"]
