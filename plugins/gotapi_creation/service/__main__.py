"""`python -m gotapi_creation.service`: what the hub starts as its embedded service."""

from gotapi_creation.service.cli import creation_service

if __name__ == "__main__":
    creation_service()
