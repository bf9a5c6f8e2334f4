"""`python -m tests.golden`: write the golden files that are missing, and add new names; nothing that is there is ever changed."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.golden.files import CASES, FOLDER, written
from tests.golden.names import KINDS


def main() -> None:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()  # noqa: S607
    for path, case in CASES.items():
        if (FOLDER / path).exists():
            continue
        if case.write is None:
            sys.exit(f"{path}: no code writes this any more, see README.md")
        _save(path, {"written_by": commit, **written(case)})
    for kind, names in KINDS.items():
        file = FOLDER / "names" / f"{kind}.json"
        known = set(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else set()
        if not names() <= known:
            _save(f"names/{kind}.json", sorted(known | names()))


def _save(path: str, content: Any) -> None:
    file = FOLDER / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
