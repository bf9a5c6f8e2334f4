"""What only this layer needs: botocore's service descriptions, cut to the services in use.

All of them are 25 MB and more, and botocore lists the folder when a client is made. A client of another service fails
with UnknownServiceError; tests/infra/test_layers.py compares this list with the clients that the code makes.
"""

import shutil
from pathlib import Path

SERVICES = frozenset({"dynamodb", "dynamodbstreams", "events", "kms", "lambda", "s3", "secretsmanager", "sqs", "ssm", "sts"})
# boto3's resource descriptions that belong to those; PynamoDB and we use clients, Powertools may use these.
RESOURCES = SERVICES & frozenset({"dynamodb", "s3", "sqs"})


def finish(target: Path) -> None:
    """Remove from `target` (the layer's python/) the data of every other service."""
    keep_only(target / "botocore" / "data", SERVICES)
    keep_only(target / "boto3" / "data", RESOURCES)
    shutil.rmtree(target / "boto3" / "examples", ignore_errors=True)


def keep_only(data: Path, names: frozenset[str]) -> None:
    """Keep the folders in `names`; plain files (endpoints, partitions, retry rules) stay."""
    missing = names - {path.name for path in data.iterdir()}
    if missing:
        raise SystemExit(f"{data} has no {', '.join(sorted(missing))}: has botocore renamed them?")
    for folder in data.iterdir():
        if folder.is_dir() and folder.name not in names:
            shutil.rmtree(folder)
