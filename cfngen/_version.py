"""The version, where it costs nothing to read."""

VERSION = "0.1.0"
