"""The plug-in host: finds plug-ins, loads each behind a guard, and speaks to them over ports."""
