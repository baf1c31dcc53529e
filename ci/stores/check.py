"""Runs a monitor on a lake in an S3 server that is not ours: runners at once, and runners that are killed.

    python ci/stores/check.py SECCHI DEMO

SECCHI is the program, DEMO the folder that `secchi demo DEMO` made; the lake in it is copied into a bucket of moto, which
answers conditional writes as AWS does. After each commit to the inference table several runners start at once, or one is
killed again and again, until a run ends by itself. The tables in the bucket must then say what one run over a copy of the
lake on disk says, each row once, and each event must be recorded once.

Prints a line for each check, last `N passed, M failed`. Exit code 0 if none failed, 1 if one did.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import boto3
import polars as pl
from deltalake import DeltaTable, write_deltalake

REGION = "eu-central-1"
KEY_ID, KEY = "example", "example-secret"

SETTINGS = """
storage:
  - prefix: s3://lake/
    options: {{ aws_endpoint: "{endpoint}", aws_region: eu-central-1, aws_allow_http: "true" }}
    secrets: {{ aws_access_key_id: {{ env: LAKE_KEY_ID }}, aws_secret_access_key: {{ env: LAKE_KEY }} }}
outbox: outbox
hold_webhooks: true
"""
MONITOR = """
monitor: credit
inference:
  table: {lake}/inference/credit_default
  timestamp_col: event_time
  model_id_col: model_version
  prediction_col: prediction
  prediction_proba_col: score
  label_col: defaulted
  label_table: {lake}/labels/credit_default
  label_timestamp_col: label_time
  request_id_col: request_id
  problem_type: classification
baseline: {{ table: {lake}/baseline/credit_default }}
granularities: ["1 day", "1 week"]
slicing_exprs: [region]
alerts:
  - {{ rule: feature drift, metric: population_stability_index, above: 0.25, min_count: 200 }}
output: {{ uri: {output} }}
"""

# Which rows there are, and what was measured; not which run wrote them, and when.
KEYS = ["granularity", "window_start", "model_version", "slice_key", "slice_value", "column_name", "log_type"]
LINEAGE = [
    "run_id", "config_hash", "source_table", "source_version", "source_version_from", "label_table", "label_version",
    "baseline_table", "baseline_version", "revision", "computed_at", "logging_table_commit_version",
]  # fmt: skip

passed = failed = 0


def check(what: str, is_right: bool, why: object = "") -> None:
    global passed, failed
    passed, failed = passed + is_right, failed + (not is_right)
    print(f"{'ok    ' if is_right else 'FAILED'}  {what}" + ("" if is_right else f": {why}"), flush=True)


@contextmanager
def s3_server():
    """The endpoint of an S3 server with an empty bucket, for as long as it is needed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [Path(sys.executable).parent / "moto_server", "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    endpoint = f"http://127.0.0.1:{port}"
    try:
        for _ in range(150):
            try:
                urllib.request.urlopen(f"{endpoint}/moto-api/", timeout=1)
                break
            except OSError:
                time.sleep(0.2)
        else:
            sys.exit("the S3 server does not answer")
        yield endpoint
    finally:
        server.terminate()
        server.wait()


class Lake:
    """The demo's lake on disk and in a bucket, with a monitor of each."""

    def __init__(self, secchi: str, demo: Path, work: Path, endpoint: str):
        self.secchi, self.work = secchi, work
        self.env = {**os.environ, "LAKE_KEY_ID": KEY_ID, "LAKE_KEY": KEY}
        self.options = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": REGION,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": KEY,
        }
        shutil.copytree(demo / "lake", work / "lake")
        s3 = boto3.client(
            "s3", endpoint_url=endpoint, region_name=REGION, aws_access_key_id=KEY_ID, aws_secret_access_key=KEY
        )
        s3.create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": REGION})
        for path in sorted(path for path in (work / "lake").rglob("*") if path.is_file()):
            s3.upload_file(str(path), "lake", path.relative_to(work / "lake").as_posix())
        (work / "secchi.yaml").write_text(SETTINGS.format(endpoint=endpoint))
        (work / "store.yaml").write_text(MONITOR.format(lake="s3://lake", output="s3://lake/monitoring"))
        (work / "disk.yaml").write_text(MONITOR.format(lake=work / "lake", output=work / "monitoring"))

    def start(self, monitor: str) -> subprocess.Popen:
        return subprocess.Popen(
            [self.secchi, "run", f"{monitor}.yaml"],
            cwd=self.work,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, monitor: str) -> tuple[int, str]:
        process = self.start(monitor)
        said, _ = process.communicate(timeout=300)
        return process.returncode, said

    def append(self, days: int) -> None:
        """The same new rows in the bucket and on disk: those of the last days once more, so many days later."""
        rows = pl.scan_delta(str(self.work / "lake/inference/credit_default"))
        later = pl.duration(days=days)
        last = rows.select(pl.col("event_time").max()).collect().item()
        new = rows.filter(pl.col("event_time") > pl.lit(last) - pl.duration(days=2)).with_columns(
            pl.col("event_time") + later, pl.col("request_id") + f"-{days}"
        )
        rows = new.collect().to_arrow()
        for table, options in [(str(self.work / "lake"), None), ("s3://lake", self.options)]:
            write_deltalake(f"{table}/inference/credit_default", rows, mode="append", storage_options=options)

    def rows(self, table: str) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The rows of a metric table in the bucket and on disk, in order."""
        stored = pl.from_arrow(DeltaTable(f"s3://lake/monitoring/{table}", storage_options=self.options).to_pyarrow_table())
        local = pl.from_arrow(DeltaTable(str(self.work / "monitoring" / table)).to_pyarrow_table())
        return ordered(stored), ordered(local)


def ordered(rows: pl.DataFrame) -> pl.DataFrame:
    keys = [key for key in [*KEYS, "drift_type"] if key in rows.columns]
    return rows.sort(keys, nulls_last=True).drop([name for name in LINEAGE if name in rows.columns])


def is_whole(lake: Lake, when: str) -> None:
    """What stands in the bucket is what one run over everything says."""
    shutil.rmtree(lake.work / "monitoring", ignore_errors=True)
    code, said = lake.run("disk")
    check(f"{when}: a run on disk", code == 0, said)
    for table in ["credit_profile_metrics", "credit_drift_metrics"]:
        stored, local = lake.rows(table)
        keys = [key for key in [*KEYS, "drift_type"] if key in stored.columns]
        check(f"{when}: no row of {table} is there twice", stored.select(keys).is_duplicated().sum() == 0)
        others = [name for name in local.columns if not stored[name].equals(local[name])]
        check(f"{when}: {table} is as on disk", stored.shape == local.shape and not others, others)
    alerts = pl.read_delta("s3://lake/monitoring/alerts", storage_options=lake.options)
    check(f"{when}: each event is recorded once", alerts["event_id"].is_duplicated().sum() == 0)


def main(secchi: str, demo: str) -> int:
    chance = random.Random(7)
    with tempfile.TemporaryDirectory() as work, s3_server() as endpoint:
        lake = Lake(str(Path(secchi).resolve()), Path(demo), Path(work), endpoint)
        for days, runners in [(0, 1), (2, 2), (4, 4)]:
            if days > 0:
                lake.append(days)
            started = [lake.start("store") for _ in range(runners)]
            said = [process.communicate(timeout=300)[0] for process in started]
            codes = sorted(process.returncode for process in started)
            check(f"{runners} at once: one wins, the others give way", codes[0] == 0 and {*codes} <= {0, 4}, said)
            is_whole(lake, f"{runners} at once")
        lake.append(8)
        began = time.monotonic()
        code, said = lake.run("store")
        check("a run that is not disturbed", code == 0, said)
        seconds = time.monotonic() - began
        lake.append(12)
        for _ in range(8):
            process = lake.start("store")
            try:
                process.communicate(timeout=chance.uniform(0.1, seconds))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
        code, said = lake.run("store")
        check("after eight runners were killed: a run", code == 0, said)
        is_whole(lake, "after eight runners were killed")
        code, said = lake.run("store")
        check("once more: nothing is new", code == 0 and "nothing" in said, said)
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
