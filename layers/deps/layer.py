"""Steps that only this layer needs: cut the SDK's data to the services in use, and defer imports that no message needs.

botocore describes every service in 25 MB and more, and lists the folder when a client is made. A client of another service fails
with UnknownServiceError; tests/infra/test_layers.py compares this list with the clients that the code makes.
"""

import gzip
import json
import runpy
import shutil
from pathlib import Path
from typing import Any

SERVICES = frozenset(
    {
        "apigatewaymanagementapi",
        "dynamodb",
        "dynamodbstreams",
        "events",
        "kms",
        "lambda",
        "s3",
        "secretsmanager",
        "sqs",
        "ssm",
        "sts",
    }
)
EXAMPLES = "examples-1.json"
# Prose inside the service descriptions, for the documentation that botocore can write.
PROSE = frozenset({"documentation", "documentationUrl"})
# Features of Powertools that need packages which are in no layer, turn events into models of pydantic, or are nobody's.
UNUSED_FEATURES = (
    "auth_alpha",
    "circuit_breaker",
    "data_masking",
    "feature_flags",
    "idempotency",
    "kafka",
    "metadata",
    "parameters",
    "parser",
    "streaming",
    "validation",
)

PLAIN_DICT = """else:

    class TypedDict(dict):
        def __init_subclass__(cls, total=True):
            pass

"""

LAZY_TRANSFER = """
def __getattr__(name):
    if name != 'TRANSFER_CONFIG_SUPPORTS_CRT':
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from s3transfer.manager import TransferConfig

    return hasattr(TransferConfig, 'UNSET_DEFAULT')
"""
LAZY_FACTORY = """    @functools.cached_property
    def resource_factory(self):
        from .resources.factory import ResourceFactory

        return ResourceFactory(self._session.get_component('event_emitter'))

    @property
    def profile_name(self):
"""

edits: Any = runpy.run_path(str(Path(__file__).resolve().parents[1] / "deferring.py"))


def finish(target: Path) -> None:
    """Cut and edit the packages in `target`, the layer's python/."""
    data = target / "botocore" / "data"
    keep_only(data, SERVICES)
    for path in [*data.rglob("*.json"), *data.rglob("*.json.gz")]:
        shorten(path)
    defer_botocore(target / "botocore")
    defer_boto3(target / "boto3")
    defer_powertools(target / "aws_lambda_powertools")
    lighten_pydantic(target)
    # Both importers go on without this module: its package is in no layer, and the search for the package takes 5 ms.
    (target / "urllib3" / "contrib" / "pyopenssl.py").unlink()
    edits["defer_imports"](target / "urllib3" / "http2" / "__init__.py", frozenset({"importlib.metadata"}))


def keep_only(data: Path, names: frozenset[str]) -> None:
    """Keep the folders in `names`; plain files (endpoints, partitions, retry rules) stay."""
    missing = names - {path.name for path in data.iterdir()}
    if missing:
        raise SystemExit(f"{data} has no {', '.join(sorted(missing))}: has botocore renamed them?")
    for folder in data.iterdir():
        if folder.is_dir() and folder.name not in names:
            shutil.rmtree(folder)


def shorten(path: Path) -> None:
    """Write a data file without spaces, prose and other services' endpoints; unpacked, because its reader parses it anyway."""
    if path.name == EXAMPLES:
        path.unlink()
        return
    packed = path.suffix == ".gz"
    content = json.loads(gzip.decompress(path.read_bytes()) if packed else path.read_bytes())
    if path.name.startswith("service-"):
        without_prose(content)
    if path.name == "endpoints.json":
        for partition in content["partitions"]:
            partition["services"] = {name: it for name, it in partition["services"].items() if name in endpoint_prefixes()}
    if packed:
        path.unlink()
        path = path.with_suffix("")
    path.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")


def endpoint_prefixes() -> frozenset[str]:
    """The names of SERVICES in endpoints.json."""
    return SERVICES | {"streams.dynamodb", "execute-api"}


def without_prose(content: Any) -> None:
    """Remove documentation from a service's description; a shape's member of that name is an object and stays.

    The description of a client's own parameters stays too, since botocore reads that text.
    """
    pending = [content]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            for name in PROSE & set(value):
                if isinstance(value[name], str):
                    del value[name]
            pending += (it for key, it in value.items() if key != "clientContextParams")
        elif isinstance(value, list):
            pending += value


def defer_botocore(package: Path) -> None:
    """Imports for writing documentation, and for asking a person for a code, happen at their use: in no function."""
    defer = edits["defer_imports"]
    defer(package / "docs" / "__init__.py", frozenset({"botocore.docs.service"}))
    defer(
        package / "docs" / "docstring.py",
        frozenset({"botocore.docs.bcdoc.restdoc", "botocore.docs.method", "botocore.docs.paginator", "botocore.docs.waiter"}),
    )
    # Without a prompter the class itself takes getpass.
    edits["replace_once"](package / "credentials.py", "prompter=getpass.getpass,", "prompter=None,")
    defer(package / "credentials.py", frozenset({"getpass"}))


def defer_boto3(package: Path) -> None:
    """Clients without resources and transfers of files, which are imported when somebody asks for one."""
    resources = package / "data"
    keep_only(resources, frozenset(SERVICES & {path.name for path in resources.iterdir()}))
    replace = edits["replace_once"]
    replace(package / "compat.py", "from s3transfer.manager import TransferConfig\n", "")
    replace(package / "compat.py", "TRANSFER_CONFIG_SUPPORTS_CRT = hasattr(TransferConfig, 'UNSET_DEFAULT')\n", LAZY_TRANSFER)
    session = package / "session.py"
    replace(session, "from .resources.factory import ResourceFactory\n", "")
    replace(
        session,
        "        self.resource_factory = ResourceFactory(\n            self._session.get_component('event_emitter')\n        )\n",
        "",
    )
    replace(session, "    @property\n    def profile_name(self):\n", LAZY_FACTORY)
    replace(session, "import copy\nimport os\n", "import copy\nimport functools\nimport os\n")
    # Every client of S3 takes its transfer methods from here.
    edits["defer_imports"](package / "s3" / "inject.py", frozenset({"boto3.s3.transfer"}))


def defer_powertools(package: Path) -> None:
    """Batches without asyncio, without models of pydantic, and without the classes of every other service's events."""
    utilities = package / "utilities"
    for name in UNUSED_FEATURES:
        shutil.rmtree(utilities / name)
    shutil.rmtree(package / "event_handler")  # routes of HTTP, with a documentation page's scripts
    shutil.rmtree(package / "metrics" / "provider" / "datadog")
    edits["defer_imports"](utilities / "batch" / "base.py", frozenset({"asyncio"}))
    edits["replace_once"](utilities / "batch" / "types.py", 'has_pydantic = "pydantic" in sys.modules', "has_pydantic = False")
    edits["defer_names"](utilities / "data_classes" / "__init__.py")


def lighten_pydantic(target: Path) -> None:
    """No search for plug-ins, since the layer has none, and plain dicts in place of TypedDicts that only type checkers read."""
    shutil.rmtree(target / "pydantic" / "v1")  # all of its first version; FastAPI looks for it, to refuse its models
    loader = target / "pydantic" / "plugin" / "_loader.py"
    metadata = "from importlib.metadata import entry_points\n"
    search = "            for entry_point in entry_points("
    edits["replace_once"](loader, metadata, "")
    edits["replace_once"](loader, search, f"            {metadata}{search}")
    edits["replace_once"](loader, "os.getenv('PYDANTIC_DISABLE_PLUGINS')", "os.getenv('PYDANTIC_DISABLE_PLUGINS', '__all__')")
    # A hundred TypedDicts describe a schema's layout; the values at run time are plain dicts.
    edits["replace_once"](target / "pydantic_core" / "core_schema.py", "else:\n    from typing import TypedDict\n", PLAIN_DICT)
