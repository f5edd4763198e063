"""`python -m gotapi_printer.simulator` is `sim-printer`."""

from gotapi_printer.simulator.cli import sim_printer

if __name__ == "__main__":
    sim_printer(prog_name="sim-printer")
