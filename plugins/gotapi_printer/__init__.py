"""3D printers over a serial port: profile `3dp` of OMA DWAPI-3DP."""
