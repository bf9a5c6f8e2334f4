"""`make sbom`: a CycloneDX bill of materials for each built layer, build/sbom/LAYER.cdx.json.

A bill lists the packages that lie in the layer, by their own metadata. There is no bill if the lock names other packages or
versions. The same checkout makes the same bytes. Runs in .venvs/release, which has CycloneDX's own library.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import HeaderParser
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType, Pedigree
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parents[2]
SUFFIX = ".cdx.json"
PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s\\;]+)", re.MULTILINE)
VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
LICENSE_CLASSIFIER = "License :: OSI Approved :: "
LONGEST_LICENSE = 100  # characters; a package that writes its whole licence into the field has the text in its metadata


class Unaccounted(Exception):
    """A layer holds other packages than its lock names, or is not built; the message says which."""


@dataclass(frozen=True)
class Package:
    """A package in a layer; `record` is the digest of its list of files, each with its own digest."""

    name: str
    version: str
    license: str | None
    record: str


def packages(layer: Path) -> list[Package]:
    """The packages that lie in a built layer, by name."""
    return sorted((_package(place) for place in layer.glob("python/*.dist-info")), key=lambda it: it.name)


def _package(place: Path) -> Package:
    metadata = HeaderParser().parsestr((place / "METADATA").read_text(encoding="utf-8"))
    record = sorted(",".join(row) for row in csv.reader((place / "RECORD").read_text(encoding="utf-8").splitlines()))
    digest = hashlib.sha256("\n".join(record).encode()).hexdigest()
    classified = [it.removeprefix(LICENSE_CLASSIFIER) for it in metadata.get_all("Classifier", ()) if LICENSE_CLASSIFIER in it]
    written = metadata["License-Expression"] or metadata["License"] or " AND ".join(classified)
    known = written if written and len(written) <= LONGEST_LICENSE else " AND ".join(classified)
    return Package(normal(str(metadata["Name"])), str(metadata["Version"]), known or None, digest)


def normal(name: str) -> str:
    """A package's name as registries compare it (packaging.python.org, "Names and normalization")."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(lock: Path) -> dict[str, str]:
    """Name -> version of all that a lock installs; nothing for a layer without a lock."""
    if not lock.exists():
        return {}
    return {normal(name): version for name, version in PINNED.findall(lock.read_text(encoding="utf-8"))}


def require_the_same(name: str, found: Sequence[Package], lock: dict[str, str]) -> None:
    """Raises `Unaccounted` unless a layer holds exactly what its lock names."""
    there = {package.name: package.version for package in found}
    differences = sorted({*there.items()} ^ {*lock.items()})
    if differences:
        raise Unaccounted(f"{name}: layer and lock differ: {', '.join(f'{it} {version}' for it, version in differences)}")


def bill(checkout: Path, name: str, made_at: datetime) -> Bom:
    """The bill of one layer. Raises `Unaccounted`."""
    layer, source = checkout / "build" / "sam" / f"{name.title()}Layer", checkout / "layers" / name
    if not layer.is_dir():
        raise Unaccounted(f"{name}: there is no {layer}: build the checkout first")
    found = packages(layer)
    require_the_same(name, found, locked(source / "requirements.lock"))
    version = VERSION.findall((checkout / "layers" / "core" / "candlecast" / "__init__.py").read_text(encoding="utf-8"))[0]
    cut = Pedigree(notes=f"files are removed or edited by layers/{name}/layer.py") if (source / "layer.py").exists() else None
    subject = Component(name=f"candlecast-layer-{name}", version=version, type=ComponentType.LIBRARY, bom_ref=f"layer-{name}")
    parts = [_component(package, cut) for package in found]
    contents = "\n".join(f"{it.name} {it.version} {it.record}" for it in found)
    bom = Bom(
        serial_number=uuid5(NAMESPACE_URL, f"candlecast/{version}/{name}/{contents}"),
        metadata=BomMetaData(component=subject, timestamp=made_at),
        components=parts,
    )
    bom.register_dependency(subject, parts)
    return bom


def _component(package: Package, cut: Pedigree | None) -> Component:
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{package.name}@{package.version}",
        purl=PackageURL("pypi", name=package.name, version=package.version),
        licenses=[LicenseFactory().make_from_string(package.license)] if package.license else None,
        pedigree=cut,
        properties=[Property(name="candlecast:record:sha256", value=package.record)],
    )


def layers(checkout: Path) -> Iterator[str]:
    """Every layer of a checkout, by its folder."""
    return (path.parent.name for path in sorted(checkout.glob("layers/*/Makefile")))


def text_of(bom: Bom) -> str:
    """The bill as JSON. Raises `Unaccounted` for one that its schema refuses."""
    text: str = JsonV1Dot6(bom).output_as_string(indent=2) + "\n"
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise Unaccounted(f"the schema of CycloneDX refuses the bill: {error}")
    return text


def committed_at(checkout: Path) -> datetime:
    """When the commit of a checkout was made: the time of its bills, so that two builds write the same. Raises `Unaccounted`."""
    command = ["git", "log", "-1", "--format=%cI"]
    try:
        found = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
        return datetime.fromisoformat(found).astimezone(UTC)
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        raise Unaccounted(f"git does not say when {checkout} was committed") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Write every bill of a built checkout; 0, or 1 with the reason."""
    parser = argparse.ArgumentParser(prog="python -m infra.release.bill", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkout", type=Path, nargs="?", default=ROOT)
    parser.add_argument("--into", type=Path, default=ROOT / "build" / "sbom")
    options = parser.parse_args(arguments)
    options.into.mkdir(parents=True, exist_ok=True)
    try:
        made_at = committed_at(options.checkout)
        for name in layers(options.checkout):
            bom = bill(options.checkout, name, made_at)
            (options.into / f"{name}{SUFFIX}").write_text(text_of(bom), encoding="utf-8")
            sys.stderr.write(f"  {options.into / name}{SUFFIX}: {len(bom.components)} packages\n")
    except Unaccounted as error:
        sys.stderr.write(f"sbom: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
