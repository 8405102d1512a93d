"""What talks to an account. `read` alone opens a connection; everything else here works on what it saw.

Flow: `read.read` asks an account (or `saved.parse` a file) and gives a `state.State`; `folder.read_folder` says what
a stage's generated files want; `preflight.preflight` compares the two and gives an `Answer`, which the command line
prints.
"""
