"""`python -m gotapi_core` is the command `gotapi`."""

from gotapi_core.cli import main

main(prog_name="gotapi")
