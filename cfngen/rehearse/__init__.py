"""The rehearsal: generated files and templates acted out on this machine, with real images, containers, database and proxy.

Everything it does is told by the generated files and by what is deployed in the local AWS; the description of the
application is never asked.
"""
