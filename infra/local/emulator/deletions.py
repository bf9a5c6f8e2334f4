"""Deletion as CloudFormation does it: nested stacks keep what their policies keep, and a bucket that holds something stays.

The emulator ignores the policies of nested stacks and deletes full buckets, so a deletion would say nothing about data.
"""

from typing import Any

from .patching import PatchError

NESTED, BUCKET = "AWS::CloudFormation::Stack", "AWS::S3::Bucket"


def kept_resources() -> None:
    """Let the deletion of a nested stack leave the resources that their DeletionPolicy keeps."""
    from ministack.services.cloudformation import _stacks, provisioners, stacks

    for name in ("_resource_policy", "_RETAINING_POLICIES"):
        if not hasattr(stacks, name):
            raise PatchError(f"stacks.{name} is not there")
    handler = provisioners._RESOURCE_HANDLERS[NESTED]
    delete = handler["delete"]

    def delete_unless_kept(physical_id: str, properties: Any) -> None:
        name = provisioners._nested_stack_lookup_name(physical_id)
        child = _stacks.get(name) or {}
        defined, held = (child.get("_template") or {}).get("Resources", {}), child.get("_resources", {})
        settings: Any = (child.get("_resolved_params", {}), child.get("_conditions", {}), {}, name, child.get("StackId", ""))
        for logical_id in list(held):
            if stacks._resource_policy(defined.get(logical_id), "DeletionPolicy", held, *settings) in stacks._RETAINING_POLICIES:
                held.pop(logical_id)
        delete(physical_id, properties)

    handler["delete"] = delete_unless_kept


def full_buckets() -> None:
    """Refuse the deletion of a bucket with objects or versions, so that a stack with one ends in DELETE_FAILED."""
    from ministack.services.cloudformation import provisioners

    s3, handler = provisioners._s3, provisioners._RESOURCE_HANDLERS[BUCKET]
    delete = handler["delete"]
    if not callable(getattr(s3, "_bucket_has_versions", None)):
        raise PatchError("s3._bucket_has_versions is not there")

    def delete_if_empty(physical_id: str, properties: Any) -> None:
        bucket = s3._buckets.get(physical_id)
        if bucket is not None and (bucket["objects"] or s3._bucket_has_versions(physical_id)):
            raise ValueError("The bucket you tried to delete is not empty. You must delete all versions in the bucket.")
        delete(physical_id, properties)

    handler["delete"] = delete_if_empty
