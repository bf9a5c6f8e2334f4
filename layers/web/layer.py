"""Nothing to do beyond what every layer gets: FastAPI, Starlette and Mangum are small and pure Python."""

from pathlib import Path


def finish(target: Path) -> None:
    """Check that the layer holds what it is for."""
    if not (target / "fastapi" / "__init__.py").is_file():
        raise SystemExit("layer web holds no FastAPI: is its lock file empty?")
