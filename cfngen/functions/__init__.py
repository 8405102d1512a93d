"""Code of functions that stand in templates as text; nothing here is imported by cfngen."""
