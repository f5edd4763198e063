"""Hardware in the loop: a safe, documented programme that tests a printer, and its report."""
