"""PURE: the one error of everything that reads models."""


class MeshError(ValueError):
    """A model that cannot be used: says what is wrong, and where in the file."""

    def __init__(self, message: str, where: str = "") -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where
