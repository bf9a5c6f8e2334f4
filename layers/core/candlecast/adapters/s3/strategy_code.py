"""Uploaded code in S3: one object for each text, named by its hash and written once."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from candlecast.adapters.aws.clients import aws_errors, error_code
from candlecast.domain.strategies.versions import MAX_SOURCE_BYTES
from candlecast.domain.values.errors import NotFound, Reject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

UNAVAILABLE = "CODE_UNAVAILABLE"
PREFIX = "code/"
HASH = re.compile("[0-9a-f]{64}")
# S3 names a second write of the same name so, and a write that meets another one under way
# (docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
KEPT_ALREADY = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


class S3CodeStore:
    """`ports.code_store.CodeStore`."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def put(self, source: str) -> str:
        body = source.encode()
        source_hash = sha256(body).hexdigest()
        try:
            with aws_errors(UNAVAILABLE):
                self._s3.put_object(
                    Bucket=self._bucket, Key=_name(source_hash), Body=body, ContentType="text/x-python", IfNoneMatch="*"
                )
        except ClientError as error:
            if error_code(error) not in KEPT_ALREADY:
                raise
        return source_hash

    def get(self, source_hash: str) -> str:
        try:
            with aws_errors(UNAVAILABLE):
                answer = self._s3.get_object(Bucket=self._bucket, Key=_name(source_hash))
                body = answer["Body"].read(MAX_SOURCE_BYTES + 1)
        except ClientError as error:
            if error_code(error) != "NoSuchKey":
                raise
            raise NotFound("there is no code of that hash") from None
        if sha256(body).hexdigest() != source_hash:
            raise Reject("CODE_DAMAGED", "the stored code is not the one that was kept")
        return body.decode()


def _name(source_hash: str) -> str:
    if not HASH.fullmatch(source_hash):
        raise NotFound("no hash of code")
    return f"{PREFIX}{source_hash}.py"
