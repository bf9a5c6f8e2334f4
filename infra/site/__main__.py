"""`make docs`: build the site, strictly, and report what it is.

The report is build/docs/report.json: number of pages, warnings, seconds, and the addresses from which pages load.
Links and anchors are checked by mkdocs; a warning fails the build.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "docs"
SITE = FOLDER / "site"
TIMEOUT_SECONDS = 300  # a build takes seconds
LOADED = re.compile(
    r"<(?:script|img|iframe)[^>]*\ssrc=\"(https?://[^\"]+)|<link[^>]*rel=\"?(?:stylesheet|preconnect)\"?[^>]*href=\"(https?://[^\"]+)"
)
DIAGRAM = 'class="mermaid"'
# The theme's script asks for this when a page holds a diagram; without a network the diagram's text is shown.
DIAGRAMS_FROM = re.compile(r"https://unpkg\.com/mermaid@[\w.]+/dist/mermaid\.min\.js")


def main() -> int:
    """Build; 0 if there was no warning."""
    if find_spec("mkdocs") is None:
        print("docs: this Python has no mkdocs; run `make docs`, which makes the environment and builds in it")
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--clean", "--site-dir", str(SITE)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    process = subprocess.run(  # noqa: S603
        words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
    )
    seconds = round(time.monotonic() - started, 1)
    warnings = [line for line in process.stderr.splitlines() if line.startswith(("WARNING", "ERROR"))]
    report = {"passed": process.returncode == 0, "seconds": seconds, "warnings": warnings, **describe(SITE)}
    (FOLDER / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(
        process.stderr
        if process.returncode
        else f"docs: {report['pages']} pages in {seconds} s, {SITE.relative_to(ROOT)}/index.html"
    )
    return process.returncode


def describe(site: Path) -> dict[str, object]:
    """Pages of a site, those with diagrams, and the addresses outside of it that its pages load something from."""
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(site.rglob("*.html"))}
    loaded = {address for page in pages.values() for found in LOADED.findall(page) for address in found if address}
    diagrams = [path.relative_to(site).as_posix() for path, page in pages.items() if DIAGRAM in page]
    scripts = "".join(path.read_text(encoding="utf-8") for path in (site / "assets" / "javascripts").glob("bundle.*.js"))
    return {
        "pages": len(pages),
        "pages_with_diagrams": diagrams,
        "every_page_loads": sorted(loaded),
        "pages_with_diagrams_load": sorted(set(DIAGRAMS_FROM.findall(scripts))) if diagrams else [],
    }


if __name__ == "__main__":
    sys.exit(main())
