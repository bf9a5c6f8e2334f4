"""The layers hold what the functions import, once, and build to the same bytes each time."""

import ast
import base64
import filecmp
import hashlib
import itertools
import marshal
import os
import re
import runpy
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

import pytest

from tests.support.transformed import mounted_layers

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ROOT / "layers"
LOCKED = ("deps", "exchange", "signing", "web", "strategies")
BUILT = (*LOCKED, "core", "paper")

ARCHITECTURES = ("x86_64", "arm64")

# All layers of one function, unzipped: each environment is set up from them. Lambda itself would allow 250.
LIMIT_MEGABYTES = 120
PYC_HEADER_BYTES = 16  # magic number, flags, hash (docs.python.org/3/reference/import.html#cached-bytecode-invalidation)


def locked_names(layer: str) -> set[str]:
    text = (LAYERS / layer / "requirements.lock").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, re.MULTILINE))


def locked_versions(layer: str) -> dict[str, str]:
    text = (LAYERS / layer / "requirements.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)", text, re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name): version for name, version in pins}


def test_no_function_mounts_a_package_twice() -> None:
    for function, layers in mounted_layers().items():
        for first, second in itertools.combinations(sorted(layers & set(LOCKED)), 2):
            assert not locked_names(first) & locked_names(second), f"{function}: {first} and {second}"


@pytest.mark.parametrize("layer", LOCKED)
def test_every_locked_package_has_hashes_and_the_version_that_the_tests_run_with(layer: str) -> None:
    pinned = re.compile(r"^([a-z0-9][a-z0-9._-]*==[^ ;\\]+)", re.MULTILINE)
    text = (LAYERS / layer / "requirements.lock").read_text(encoding="utf-8")
    development = (ROOT / "infra/local/environments/dev.lock").read_text(encoding="utf-8")
    assert set(pinned.findall(text)) <= set(pinned.findall(development))
    assert text.count("==") <= text.count("--hash=sha256:")


def test_lock_files_say_nothing_of_where_they_were_made() -> None:
    for lock in [*LAYERS.glob("*/requirements.lock"), *(ROOT / "infra/local/environments").glob("*.lock")]:
        foreign = [line for line in lock.read_text(encoding="utf-8").splitlines() if "//" in line or " /" in line]
        assert not foreign, lock


def test_botocore_keeps_the_data_of_every_client_that_the_code_makes() -> None:
    files = [*LAYERS.glob("core/**/*.py"), *LAYERS.glob("paper/**/*.py"), *(ROOT / "functions").rglob("*.py")]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in files]
    made = {service for tree in trees for node in ast.walk(tree) for service in clients_of(node)}
    known = {"apigatewaymanagementapi", "dynamodb", "dynamodbstreams", "events", "lambda", "s3", "secretsmanager", "sqs"}
    assert made == known, "no client escapes the search"
    assert made <= runpy.run_path(str(LAYERS / "deps" / "layer.py"))["SERVICES"]


def clients_of(node: ast.AST) -> list[str]:
    """Services named in `aws.client("sqs")`, `aws("sqs")`, `aws_client("sqs")` and `partial(aws, "sqs")`."""
    if not isinstance(node, ast.Call):
        return []
    names = [
        it.attr if isinstance(it, ast.Attribute) else it.id
        for it in (node.func, *node.args)
        if isinstance(it, ast.Attribute | ast.Name)
    ]
    makes_client = {"client", "aws", "aws_client"} & set(names)
    return [str(it.value) for it in node.args if isinstance(it, ast.Constant)][:1] if makes_client else []


def test_an_unexpected_ccxt_package_stops_the_build() -> None:
    make_lazy = runpy.run_path(str(LAYERS / "exchange" / "layer.py"))["make_lazy"]
    with pytest.raises(SystemExit, match="look at it again"):
        make_lazy("from ccxt.binance import binance\n", {"binance", "binanceusdm"})


def build(layer: str, artifacts: Path, architecture: str = "x86_64") -> Path:
    """Build as SAM does: the layer's own Makefile, named by its path, run somewhere else."""
    artifacts.mkdir(parents=True, exist_ok=True)
    target = f"build-{layer.capitalize()}Layer"
    environment = {**os.environ, "ARTIFACTS_DIR": str(artifacts), "PYTHON": sys.executable, "ARCHITECTURE": architecture}
    command = ["make", "--makefile", str(LAYERS / layer / "Makefile"), target]
    outcome = subprocess.run(command, cwd=artifacts, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert outcome.returncode == 0, outcome.stderr
    return artifacts / "python"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("layers")
    return {layer: build(layer, root / layer) for layer in BUILT}


@pytest.fixture(scope="module")
def built_for_each(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    """Architecture -> layer -> where it was built."""
    root = tmp_path_factory.mktemp("graviton")
    return {"x86_64": built, "arm64": {layer: build(layer, root / layer, "arm64") for layer in BUILT}}


def run_with(paths: list[Path], code: str) -> str:
    """Run code as in Lambda: nothing importable but the standard library and the layers."""
    environment = {"PYTHONPATH": os.pathsep.join(map(str, paths)), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-S", "-c", code]
    outcome = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout.strip()


def same(first: Path, second: Path) -> bool:
    pending = [filecmp.dircmp(first, second)]
    while pending:
        now = pending.pop()
        _, different, broken = filecmp.cmpfiles(now.left, now.right, now.common_files, shallow=False)
        if now.left_only or now.right_only or different or broken:
            return False
        pending += now.subdirs.values()
    return True


@pytest.mark.e2e
def test_a_layer_builds_to_the_same_bytes_wherever_it_is_built(built: dict[str, Path], tmp_path: Path) -> None:
    for layer in BUILT:
        assert same(built[layer], build(layer, tmp_path / "elsewhere" / layer)), layer


@pytest.mark.e2e
def test_every_module_is_compiled_and_trusted_unread(built: dict[str, Path]) -> None:
    for layer, target in built.items():
        for source in target.rglob("*.py"):
            (compiled,) = (source.parent / "__pycache__").glob(f"{source.stem}.cpython-313.pyc")
            assert int.from_bytes(compiled.read_bytes()[4:8], "little") == 1, f"{layer}: {source} is checked at start"


@pytest.mark.e2e
def test_a_trace_of_errors_finds_the_source_of_every_module_in_its_layer(built: dict[str, Path]) -> None:
    for layer, target in built.items():
        compiled = list(target.rglob("*.pyc"))
        assert compiled, layer
        for path in compiled:
            named = marshal.loads(path.read_bytes()[PYC_HEADER_BYTES:]).co_filename  # noqa: S302 - our own build
            assert path.parent.name == "__pycache__", f"{layer}: {path} has no source"
            assert (target / Path(named).relative_to("/opt/python")).is_file(), f"{layer}: {named}"


@pytest.mark.e2e
@pytest.mark.parametrize("layer", LOCKED)
def test_a_scanner_finds_every_package_with_its_version_its_licence_and_its_files(built: dict[str, Path], layer: str) -> None:
    found = {}
    for package in metadata.distributions(path=[str(built[layer])]):
        found[re.sub(r"[-_.]+", "-", package.name).lower()] = package.version
        said = package.metadata
        licences = [path for path in package.files or () if "licenses" in path.parts or "licen" in path.name.lower()]
        assert licences or said.get("License") or said.get("License-Expression") or "License" in str(said.get_all("Classifier"))
        for file in package.files or ():
            content = file.locate().read_bytes()  # type: ignore[attr-defined]
            if file.hash is not None:
                digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
                assert (file.hash.mode, file.hash.value, file.size) == ("sha256", digest, len(content)), file
    assert found == locked_versions(layer)


@pytest.mark.e2e
def test_no_file_of_a_locked_package_is_left_out_of_its_record(built: dict[str, Path]) -> None:
    """A file that a package does not list is one that a scanner attributes to nobody."""
    for layer in LOCKED:
        listed = {str(file) for it in metadata.distributions(path=[str(built[layer])]) for file in it.files or ()}
        there = {path.relative_to(built[layer]).as_posix() for path in built[layer].rglob("*") if path.is_file()}
        assert {path for path in there - listed if not path.startswith("strategies/")} == set(), layer


@pytest.mark.e2e
def test_no_function_finds_a_module_in_two_of_its_layers(built: dict[str, Path]) -> None:
    for function, layers in mounted_layers().items():
        names = [path.name for layer in layers for path in built[layer].iterdir() if path.name != "__pycache__"]
        assert len(names) == len(set(names)), function


@pytest.mark.e2e
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("function", sorted(mounted_layers()))
def test_the_layers_of_one_function_are_small_to_set_up(
    built_for_each: dict[str, dict[str, Path]], function: str, architecture: str
) -> None:
    layers = [built_for_each[architecture][layer].parent for layer in mounted_layers()[function]]
    size = sum(path.stat().st_size for layer in layers for path in layer.rglob("*") if path.is_file())
    assert size <= LIMIT_MEGABYTES * 1_000_000


@pytest.mark.e2e
def test_one_venue_is_imported_without_the_others(built: dict[str, Path]) -> None:
    code = """
import sys, ccxt
assert not any(name in sys.modules for name in ("ccxt.binance", "ccxt.binanceusdm"))
venue = ccxt.binanceusdm({"enableRateLimit": False})
assert venue.id == "binanceusdm" and isinstance(venue, ccxt.binance) and isinstance(venue, ccxt.Exchange)
import ccxt.binance
assert isinstance(ccxt.binance, type), "importing the submodule must not hide the class"
from ccxt import InvalidOrder, binanceusdm
assert not hasattr(ccxt, "kraken")
print(",".join(ccxt.exchanges), sorted({name.split(".")[0] for name in sys.modules} & {"aiohttp", "yarl", "coincurve"}))
"""
    assert run_with([built["deps"], built["exchange"]], code) == "binance,binanceusdm []"


@pytest.mark.e2e
def test_what_signs_with_other_keys_than_hmac_is_imported_when_it_is_needed(built: dict[str, Path]) -> None:
    code = """
import sys, ccxt
assert "cryptography" not in sys.modules
signed = ccxt.Exchange.eddsa(b"request", bytes(32), "ed25519")
point = ccxt.Exchange.ecdsa("00" * 32, "01" * 32, "secp256k1", None)
assert "cryptography" in sys.modules
print(len(signed), sorted(point))
"""
    assert run_with([built["deps"], built["exchange"], built["signing"]], code) == "88 ['r', 's', 'v']"


@pytest.mark.e2e
def test_the_deps_layer_has_all_that_every_function_starts_with(built: dict[str, Path]) -> None:
    code = """
import sys
import boto3, pynamodb.models
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent
session = boto3.Session("a", "b", region_name="eu-west-1")
for service in ("dynamodb", "dynamodbstreams", "events", "kms", "lambda", "s3", "secretsmanager", "sqs", "ssm", "sts"):
    session.client(service)
assert not {"s3transfer", "boto3.resources", "boto3.s3.transfer"} & set(sys.modules), "loaded by no client"
print(*(module.__file__.split("/")[-4] for module in (boto3, sys.modules["botocore"])))
"""
    assert run_with([built["deps"]], code) == "deps deps"


@pytest.mark.e2e
def test_what_a_cloud_team_expects_of_boto3_is_loaded_when_asked_for(built: dict[str, Path]) -> None:
    code = """
import boto3
from boto3.dynamodb.conditions import Key
session = boto3.Session("a", "b", region_name="eu-west-1")
client = session.client("s3")
assert all(callable(getattr(client, name)) for name in ("upload_file", "download_fileobj", "copy"))
table = session.resource("dynamodb").Table("table")
bucket = session.resource("s3").Bucket("bucket")
from s3transfer.manager import TransferConfig
print(table.name, bucket.name, sorted(session.get_available_resources()), boto3.compat.TRANSFER_CONFIG_SUPPORTS_CRT)
try:
    client.upload_file("/nowhere", "bucket", "key")
except FileNotFoundError as error:
    print(type(error).__name__)
"""
    said = run_with([built["deps"]], code).splitlines()
    assert said == ["table bucket ['dynamodb', 's3', 'sqs'] True", "FileNotFoundError"]


@pytest.mark.e2e
def test_a_client_and_a_venue_are_asked_over_http_with_what_the_layers_hold(built: dict[str, Path]) -> None:
    code = """
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
import requests
import boto3
class Answer(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"QueueUrls": ["one"]}')
    def log_message(self, *_): pass
server = HTTPServer(("127.0.0.1", 0), Answer)
threading.Thread(target=server.serve_forever, daemon=True).start()
place = f"http://127.0.0.1:{server.server_port}"
queues = boto3.Session("a", "b", region_name="eu-west-1").client("sqs", endpoint_url=place).list_queues()["QueueUrls"]
print(queues, requests.post(place, json={}, timeout=5).json())
"""
    assert run_with([built["deps"], built["exchange"]], code) == "['one'] {'QueueUrls': ['one']}"


@pytest.mark.e2e
def test_the_certificates_that_venues_and_aws_are_checked_with_are_found_beside_their_packages(built: dict[str, Path]) -> None:
    code = """
import ssl, certifi, requests.certs
from botocore.httpsession import DEFAULT_CA_BUNDLE, get_cert_path
for bundle in (certifi.where(), requests.certs.where(), get_cert_path(True), DEFAULT_CA_BUNDLE):
    assert len(ssl.create_default_context(cafile=bundle).get_ca_certs()) > 50, bundle
print("found")
"""
    assert run_with([built["deps"], built["exchange"]], code) == "found"


@pytest.mark.e2e
def test_the_web_layer_answers_a_request_from_the_http_api(built: dict[str, Path]) -> None:
    code = """
import fastapi, mangum
app = fastapi.FastAPI()
@app.get("/health")
def health() -> dict[str, str]: return {"status": "ok"}
request = {"http": {"method": "GET", "path": "/health", "sourceIp": "127.0.0.1", "protocol": "HTTP/1.1"}, "stage": "$default"}
event = {"version": "2.0", "routeKey": "$default", "rawPath": "/health", "rawQueryString": "", "headers": {"host": "a"},
         "requestContext": request, "isBase64Encoded": False}
answer = mangum.Mangum(app, lifespan="off")(event, None)
print(answer["statusCode"], answer["body"], app.openapi()["openapi"])
"""
    assert run_with([built["deps"], built["web"]], code) == '200 {"status":"ok"} 3.1.0'


@pytest.mark.e2e
def test_strategies_are_found_as_a_package_of_their_own(built: dict[str, Path]) -> None:
    names = {path.stem for path in (ROOT / "strategies").glob("*.py")}
    assert {path.stem for path in (built["strategies"] / "strategies").glob("*.py")} == names


@pytest.mark.e2e
def test_a_strategy_decides_with_the_built_layers_as_it_does_in_development(built: dict[str, Path]) -> None:
    mounted = [built[layer] for layer in ("core", "strategies")]
    assert run_with(mounted, DECIDE_ALL) == run_with([LAYERS / "core", ROOT, Path(sysconfig.get_path("purelib"))], DECIDE_ALL)


DECIDE_ALL = """
import hashlib
import numpy as np
from candlecast.strategy import Candles, evaluate
from candlecast.strategy.registry import available, load_strategy
rows = np.arange(1000, dtype=np.int64)
close = 100 + 10 * np.sin(rows / 7) + np.cos(rows * 1.7) + rows % 13
candles = Candles(time=60_000 * rows, open=close + 0.1, high=close + 1, low=close - 1, close=close, volume=close)
for name in available():
    signals = evaluate(load_strategy(name).with_parameters({}), candles)
    assert np.any(signals.side), name
    columns = [signals.side, *signals.float_columns().values()]
    print(name, hashlib.sha256(b"".join(column.tobytes() for column in columns)).hexdigest())
"""


def test_an_import_that_is_used_while_its_module_is_imported_stops_the_build() -> None:
    deferred = runpy.run_path(str(LAYERS / "deferring.py"))["deferred"]
    with pytest.raises(SystemExit, match="uses slow while it is imported"):
        deferred("import slow\nTABLE = slow.table()\n\ndef read():\n    return slow.read()\n", frozenset({"slow"}), "module")
    with pytest.raises(SystemExit, match="does not import slow"):
        deferred("import quick\n", frozenset({"slow"}), "module")


@pytest.mark.e2e
@pytest.mark.parametrize("layer", ["deps", "exchange", "signing", "strategies"])
def test_a_layer_for_graviton_is_built_on_any_machine(layer: str, built_for_each: dict[str, dict[str, Path]]) -> None:
    libraries = list(built_for_each["arm64"][layer].rglob("*.so"))
    machines = {path.read_bytes()[18:20] for path in libraries}  # e_machine of the ELF header
    assert libraries
    assert machines == {(183).to_bytes(2, "little")}  # EM_AARCH64
