"""A first description from what a project has: its Dockerfiles and its compose file.

files ─dockerfile, compose─▶ facts ─decide─▶ Draft ─text─▶ cfngen.yaml, with what could not be decided
"""

from __future__ import annotations

from cfngen.scaffold.decide import Draft, draft
from cfngen.scaffold.files import write_new
from cfngen.scaffold.text import files_of_draft

__all__ = ["Draft", "draft", "files_of_draft", "write_new"]
