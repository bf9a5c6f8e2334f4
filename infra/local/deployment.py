"""From the checkout to a stack in the embedded cloud: `sam build`, `sam deploy`, and a fast way to do it again."""

import fcntl
import json
import re
import shutil
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra.local.project import BUILD, ROOT, CommandError, architecture, digest_of_sources, interpreter, run

STACK = "candlecast"
REGION = "us-east-1"
OUTPUT = Path(BUILD.name) / "sam"  # of `sam build`, in a checkout
SAM_OUTPUT = ROOT / OUTPUT
PACKAGE = BUILD / "package"
# samconfig.toml's environment for the embedded cloud.
ENVIRONMENT = "local"
CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
TEMPLATES = "candlecast-templates"  # a request takes a template of 51,200 bytes, a bucket one of a megabyte
CREATE_SECONDS = 600.0  # for one that hangs: it takes half a second
POLL_SECONDS = 0.05

Say = Callable[[str], None]


def sam() -> Path:
    """The SAM CLI of its environment."""
    return interpreter("sam").with_name("sam")


def build(say: Say = lambda _text: None, target: str | None = None) -> str:
    """Run `sam build` unless the sources are those of the last build; returns the digest of the sources.

    SAM's own cache is not used: it looks at a layer's folder only, and the strategies layer is made of strategies/.
    """
    target = target or architecture()
    digest = digest_of_sources(target)
    stamp = SAM_OUTPUT / ".digest"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
        return digest
    with alone("build"):
        if not (stamp.exists() and stamp.read_text(encoding="utf-8") == digest):
            sam_build(say, target)
            stamp.write_text(digest, encoding="utf-8")
    return digest


@contextmanager
def alone(what: str) -> Iterator[None]:
    """Nobody else does the same in this checkout meanwhile: tests run in several processes."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / f".{what}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def sam_build(say: Say, target: str, root: Path = ROOT) -> None:
    """Run `sam build` for the architecture `target`; `root` is a checkout. Raises CommandError."""
    say("sam build")
    output = root / OUTPUT
    shutil.rmtree(output, ignore_errors=True)
    command: list[str | Path] = [sam(), "build", "--no-cached", "--parallel", "--build-dir", output]
    command += ["--template-file", "template.yaml", "--config-env", ENVIRONMENT]
    command += ["--parameter-overrides", f"Architecture={target}"]
    run(command, root / BUILD.name / "logs" / "sam-build.log", {"ARCHITECTURE": target}, root)


def parameters(overrides: Mapping[str, str], root: Path = ROOT) -> dict[str, str]:
    """The template's parameters: samconfig's for the embedded cloud, this machine's architecture, then `overrides`."""
    with (root / "samconfig.toml").open("rb") as file:
        section = tomllib.load(file)[ENVIRONMENT]["deploy"]["parameters"]
    configured = section.get("parameter_overrides", "")
    pairs = configured.split() if isinstance(configured, str) else configured
    return {**dict(pair.split("=", 1) for pair in pairs), "Architecture": architecture(), **overrides}


def declared_parameters(root: Path = ROOT) -> frozenset[str]:
    """Names of the parameters that the checkout's template has."""
    section = re.search(r"^Parameters:\n(.*?)^\S", (root / "template.yaml").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return frozenset(re.findall(r"^  (\w+):", section[1], re.MULTILINE)) if section else frozenset()


def deployed_parameters(client: Callable[[str], Any], root: Path = ROOT) -> dict[str, str]:
    """The values that the running stack was deployed with, of those parameters that the checkout's template has.

    A deployment of ours that left one out would set it back to samconfig's value: schedules that `up` has enabled would stop.
    """
    stack = _stack(client)
    found = {item["ParameterKey"]: item["ParameterValue"] for item in stack.get("Parameters", [])}
    return {name: value for name, value in found.items() if name in declared_parameters(root)}


def deploy(endpoint: Mapping[str, str], overrides: Mapping[str, str], log: Path, say: Say, root: Path = ROOT) -> None:
    """Run `sam deploy` of the built template as samconfig.toml says; `root` is a checkout. Raises CommandError."""
    say("sam deploy")
    command: list[str | Path] = [sam(), "deploy", "--config-file", root / "samconfig.toml", "--config-env", ENVIRONMENT]
    command += ["--template-file", root / OUTPUT / "template.yaml", "--stack-name", STACK, "--region", REGION]
    command += ["--parameter-overrides", *_words(parameters(overrides, root))]
    run(command, log, endpoint, root)


def _words(values: Mapping[str, str]) -> list[str]:
    """Parameters as the SAM CLI reads them. It knows no empty value; those are the template's own defaults."""
    return [f'{name}="{value}"' if " " in value else f"{name}={value}" for name, value in values.items() if value]


def save_package(client: Callable[[str], Any], digest: str) -> None:
    """Keep what `sam deploy` has uploaded, so that the same build can be deployed again without SAM.

    Several processes may save the same build at once: each writes a folder of its own, and the first to be complete stays.
    """
    folder = PACKAGE / digest
    if folder.exists():
        return
    PACKAGE.mkdir(parents=True, exist_ok=True)
    for older in PACKAGE.iterdir():
        if digest not in older.name:
            shutil.rmtree(older, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{digest}-", dir=PACKAGE))
    template = client("cloudformation").get_template(StackName=STACK, TemplateStage="Original")["TemplateBody"]
    text = template if isinstance(template, str) else json.dumps(template)
    s3 = client("s3")
    kept: list[dict[str, str]] = []
    for bucket in (item["Name"] for item in s3.list_buckets()["Buckets"]):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for item in page.get("Contents", []):
                if item["Key"] in text or item["Key"].endswith(".template"):
                    name = f"object-{len(kept)}"
                    s3.download_file(bucket, item["Key"], str(partial / name))
                    kept.append({"bucket": bucket, "key": item["Key"], "file": name})
    (partial / "template").write_text(text, encoding="utf-8")
    (partial / "objects.json").write_text(json.dumps(kept), encoding="utf-8")
    try:
        partial.rename(folder)
    except OSError:
        if not folder.exists():
            raise
        shutil.rmtree(partial)


def is_saved(digest: str) -> bool:
    """Whether `redeploy` has what it needs."""
    return (PACKAGE / digest).exists()


def redeploy(client: Callable[[str], Any], digest: str, overrides: Mapping[str, str]) -> None:
    """Deploy a saved package into an emulator that is empty."""
    folder = PACKAGE / digest
    s3 = client("s3")
    buckets = set()
    for item in json.loads((folder / "objects.json").read_text(encoding="utf-8")):
        if item["bucket"] not in buckets:
            s3.create_bucket(Bucket=item["bucket"])
            buckets.add(item["bucket"])
        s3.put_object(Bucket=item["bucket"], Key=item["key"], Body=(folder / item["file"]).read_bytes())
    s3.create_bucket(Bucket=TEMPLATES)
    s3.put_object(Bucket=TEMPLATES, Key="template", Body=(folder / "template").read_bytes())
    cloudformation = client("cloudformation")
    cloudformation.create_stack(
        StackName=STACK,
        TemplateURL=f"https://s3.amazonaws.com/{TEMPLATES}/template",
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters(overrides).items()],
        Capabilities=CAPABILITIES,
    )
    wait_for_stack(cloudformation)


def wait_for_stack(cloudformation: Any) -> None:
    """Return once the stack is complete. Raises CommandError with the reason if it fails."""
    end = time.monotonic() + CREATE_SECONDS
    while time.monotonic() < end:
        status = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return
        if not status.endswith("IN_PROGRESS"):
            events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
            reasons = [
                f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason')}" for e in events if "FAILED" in e["ResourceStatus"]
            ]
            raise CommandError(f"stack {STACK} is {status}\n" + "\n".join(reasons))
        time.sleep(POLL_SECONDS)
    raise CommandError(f"stack {STACK} was not complete within {CREATE_SECONDS:.0f} s")


def outputs(client: Callable[[str], Any]) -> dict[str, str]:
    """The stack's outputs. Raises CommandError when it is not deployed."""
    return {item["OutputKey"]: item["OutputValue"] for item in _stack(client).get("Outputs", [])}


def _stack(client: Callable[[str], Any]) -> dict[str, Any]:
    from botocore.exceptions import ClientError

    try:
        found: dict[str, Any] = client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    except ClientError as error:
        raise CommandError(f"{STACK} is not deployed", "NOT_DEPLOYED") from error
    return found
