"""`make clients`: both clients of this checkout's API, in build/clients."""

from __future__ import annotations

import sys

from clients import python_client, typescript_client

FOLDER = python_client.ROOT / "build" / "clients"


def main() -> int:
    """Make them, and say where they are."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    document = FOLDER / "openapi.json"
    document.write_bytes(python_client.make_document())
    for made in (python_client.make(FOLDER / "python", document), typescript_client.make(FOLDER / "typescript", document)):
        sys.stdout.write(f"{made.relative_to(python_client.ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
