"""S3 servers that check who comes, and what is in a bucket."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3

from tests.servers import S3Server, moto_server

_EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@contextlib.contextmanager
def guarded_server() -> Iterator[S3Server]:
    """Run a moto server that makes one user and from then on lets nobody in without that user's keys."""
    with moto_server(INITIAL_NO_AUTH_ACTION_COUNT="3") as server:
        iam = boto3.client(
            "iam",
            endpoint_url=server.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
        )
        iam.create_user(UserName="user")
        iam.put_user_policy(UserName="user", PolicyName="all", PolicyDocument=json.dumps(_EVERYTHING))
        key = iam.create_access_key(UserName="user")["AccessKey"]
        yield replace(server, access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])


def write_profiles(file: Path, **servers: S3Server) -> Path:
    """Write an AWS configuration with a profile for each of *servers*."""
    file.write_text(
        "".join(
            f"[profile {name}]\naws_access_key_id = {server.access_key}\naws_secret_access_key = {server.secret_key}\n"
            for name, server in servers.items()
        )
    )
    return file


def heads(server: S3Server, bucket: str) -> dict[str, dict[str, Any]]:
    """Return key → head of everything in *bucket*."""
    client = server.client()
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [one["Key"] for page in pages for one in page.get("Contents", ())]
    return {key: client.head_object(Bucket=bucket, Key=key) for key in keys}


def objects(server: S3Server, bucket: str) -> dict[str, bytes]:
    """Return key → content of everything in *bucket*."""
    client = server.client()
    return {key: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in heads(server, bucket)}


def open_uploads(server: S3Server, bucket: str) -> list[str]:
    """Return the keys of the multipart uploads that nobody completed or aborted."""
    return [one["Key"] for one in server.client().list_multipart_uploads(Bucket=bucket).get("Uploads", ())]
