"""The creation service: 3DCAPI-2 and -4 as a server of its own, jobs that survive a kill."""
