"""Content servers: where files to print come from (DWAPI-3DP 7.1.3, 7.2.4, 7.2.6)."""
