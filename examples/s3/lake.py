"""Uploads a folder to the bucket `lake`, or lists what is in it.

    python lake.py upload FOLDER
    python lake.py list PREFIX

Endpoint and key come from LAKE_ENDPOINT, LAKE_ACCESS_KEY_ID and LAKE_SECRET_ACCESS_KEY.
"""

import os
import sys
from collections import defaultdict
from pathlib import Path

import boto3

BUCKET = "lake"
REGION = "eu-central-1"


def client():
    return boto3.client(
        "s3",
        endpoint_url=os.environ["LAKE_ENDPOINT"],
        region_name=REGION,
        aws_access_key_id=os.environ["LAKE_ACCESS_KEY_ID"],
        aws_secret_access_key=os.environ["LAKE_SECRET_ACCESS_KEY"],
    )


def upload(folder: Path) -> None:
    s3 = client()
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        s3.upload_file(str(path), BUCKET, path.relative_to(folder).as_posix())
    print(f"uploaded {len(files)} files to s3://{BUCKET}")


def list_objects(prefix: str) -> None:
    """One line for each folder of Delta tables: a listing of every Parquet file would be long."""
    pages = client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    folders = defaultdict(lambda: [0, 0])
    for page in pages:
        for entry in page.get("Contents", []):
            table, _, rest = entry["Key"].removeprefix(prefix).lstrip("/").partition("/")
            kind = "_delta_log" if rest.startswith("_delta_log/") else "data"
            folder = folders[f"{prefix}/{table}/", kind]
            folder[0] += 1
            folder[1] += entry["Size"]
    for (table, kind), (objects, size) in sorted(folders.items()):
        print(f"  s3://{BUCKET}/{table:<48} {kind:<10} {objects:>4} objects  {size / 1024:>8.0f} KiB")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["upload", folder]:
            upload(Path(folder))
        case ["list", prefix]:
            list_objects(prefix.strip("/"))
        case _:
            sys.exit(__doc__)
