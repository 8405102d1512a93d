"""Jinja2 sources of the buildspecs, installed as the package cfngen.buildspecs."""
