"""What running again costs: one commit more, nothing new, very late rows, many files, large metric tables.

    python benches/again.py SECCHI [DIR]

SECCHI is an optimised build (`cargo build --profile bench`), DIR keeps the tables (a new temporary folder otherwise).
Needs the packages of `benches/requirements.txt` that it imports. Every figure is the median of seven runs, each a process
of its own; CPU seconds are those of the kernel, user and system.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

TIMES = 7  # a week, so that days of all weekdays are among them: the week that a day is in is computed anew, too
MONTH, YEAR = 30, 366  # days; whole weeks apart
ROWS = 20_000  # of a day
NUMBERS, NAMES = 16, 4  # columns that are profiled, besides the prediction
LONG = {"long_log": ", a checkpoint each 100"}  # what is said of tables whose log is not as Delta's documentation has it
FIRST = datetime(2025, 1, 1, tzinfo=UTC)

LABELS = ", label_table: {table}_labels, request_id_col: request_id"  # labels that arrive a day later
SLICES = "slicing_exprs: [name_0, number_1 > 1]"  # 22 slices

MONITOR = """
monitor: {name}
inference: {{ table: {table}, timestamp_col: event_time, model_id_col: model_version, prediction_col: prediction,
  label_col: label, problem_type: classification{labels} }}
granularities: [{granularities}]
{slices}
output: {{ uri: {output} }}
"""


def rows_of(day: int, rows: int, salt: int = 0) -> pa.Table:
    """Rows of one day; the same each time."""
    chance = np.random.default_rng([day, salt])
    second = np.sort(chance.integers(0, 86_400, rows))
    start = np.datetime64((FIRST + timedelta(days=day)).replace(tzinfo=None), "us")
    columns = {
        "event_time": pa.array(start + second.astype("timedelta64[s]"), pa.timestamp("us", tz="UTC")),
        "model_version": pa.array(np.where(chance.random(rows) < 0.5, "1", "2")),
        "prediction": pa.array(chance.integers(0, 2, rows)),
        "label": pa.array(chance.integers(0, 2, rows)),
    }
    columns |= {f"number_{i}": pa.array(chance.normal(i, 1 + i, rows)) for i in range(NUMBERS)}
    columns |= {f"name_{i}": pa.array(np.char.add("n", (chance.integers(0, 20 * (i + 1), rows)).astype(str))) for i in range(NAMES)}
    return pa.table(columns)


def with_ids(day: int, rows: pa.Table) -> pa.Table:
    """The same with ids of requests: random ones, after their time as in UUIDs of version 7."""
    chance = np.random.default_rng([day, 7])
    ids = [f"{day:08x}{number:016x}" for number in chance.integers(0, 2**63, rows.num_rows)]
    return rows.append_column("request_id", pa.array(ids))


class Bench:
    def __init__(self, secchi: str, folder: Path):
        self.secchi, self.folder = str(Path(secchi).resolve()), folder

    def monitor(
        self,
        name: str,
        days: int,
        rows: int = ROWS,
        granularities: str = "1 day, 1 week",
        checkpoints: int = 10,
        slices: str = "",
    ) -> None:
        """A table with a commit a day and a checkpoint after so many of them, and its monitor, which has run."""
        interval = {"delta.checkpointInterval": str(checkpoints)}
        table = self.folder / "lake" / name
        shutil.rmtree(self.folder / name, ignore_errors=True)
        shutil.rmtree(table, ignore_errors=True)
        for day in range(days):
            write_deltalake(table, rows_of(day, rows), mode="append", configuration=interval)
        self.describe(name, granularities, slices=slices)
        self.begin(name)

    def labelled(self, name: str, days: int, rows: int) -> None:
        """The same with labels in a table of their own, which come in a commit a day, of the day before."""
        for day in range(days):
            self.append_labelled(name, day, rows)
        self.describe(name, "1 day, 1 week", labels=LABELS.format(table=self.folder / "lake" / name))
        self.begin(name)

    def append_labelled(self, name: str, day: int, rows: int) -> None:
        table = self.folder / "lake" / name
        new = with_ids(day, rows_of(day, rows))
        write_deltalake(table, new.drop_columns("label"), mode="append")
        before = with_ids(day - 1, rows_of(day - 1, rows)) if day else new.slice(0, 0)
        write_deltalake(f"{table}_labels", before.select(["request_id", "label"]), mode="append")

    def describe(self, name: str, granularities: str, slices: str = "", labels: str = "") -> None:
        places = {"table": self.folder / "lake" / name, "output": self.folder / name}
        text = MONITOR.format(name=name, granularities=granularities, slices=slices, labels=labels, **places)
        (self.folder / f"{name}.yaml").write_text(text)

    def begin(self, name: str) -> None:
        self.run("run", name)
        # As every night: a first run over a year writes several files for each month.
        subprocess.run([self.secchi, "maintain", f"{name}.yaml"], cwd=self.folder, capture_output=True, check=True)

    def append(self, name: str, day: int, rows: int, salt: int = 1) -> None:
        write_deltalake(self.folder / "lake" / name, rows_of(day, rows, salt), mode="append")

    def run(self, command: str, name: str) -> tuple[float, float, dict]:
        """CPU and wall seconds, and what the run says."""
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run(
            [self.secchi, command, "--json", f"{name}.yaml"], cwd=self.folder, capture_output=True, text=True
        )
        wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            sys.exit(done.stderr)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return cpu, wall, json.loads(done.stdout)

    def median(self, what: str, name: str, change=lambda time: None, command: str = "run") -> float:
        (cpu,) = self.pair({name: what}, change, command).values()
        return statistics.median(cpu)

    def pair(self, names: dict, change=lambda time: None, command: str = "run") -> dict:
        """The same on several tables in turn, so that what else the machine does slows all of them. CPU seconds of each."""
        cpus, walls, said = {name: [] for name in names}, {name: [] for name in names}, {}
        for number in range(TIMES):
            for name in names:
                change(number) if len(names) == 1 else change(number, name)
                cpu, wall, said[name] = self.run(command, name)
                cpus[name].append(cpu)
                walls[name].append(wall)
        for name, what in names.items():
            run = (said[name].get("runs") or said[name].get("plans"))[0]
            read = f"{run['rows']:,} rows, {run['bytes'] / 1e6:.1f} MB" if command == "run" else f"{run['files']} files"
            figures = [statistics.median(of[name]) for of in (cpus, walls)]
            print(f"| {what} | {figures[0]:.3f} | {figures[1]:.3f} | {read} |", flush=True)
        return cpus

    def size(self, name: str, kind: str) -> int:
        folder = self.folder / name / f"{name}_{kind}"
        return sum(path.stat().st_size for path in folder.rglob("*.parquet"))

    def many_files(self, name: str, files: int) -> None:
        """A table of so many files, named by one commit; they are links to one."""
        table = self.folder / "lake" / name
        shutil.rmtree(table, ignore_errors=True)
        write_deltalake(table, rows_of(0, 100))
        log = table / "_delta_log" / f"{0:020}.json"
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        add = next(line["add"] for line in lines if "add" in line)
        adds = []
        for number in range(files - 1):
            os.link(table / add["path"], table / f"part-{number:05}.parquet")
            adds.append({"add": {**add, "path": f"part-{number:05}.parquet"}})
        log.write_text("".join(json.dumps(line) + "\n" for line in lines + adds))
        self.describe(name, "1 day")


def main(secchi: str, folder: Path) -> None:
    (folder / "lake").mkdir(parents=True, exist_ok=True)
    bench = Bench(secchi, folder)
    print("| running again | CPU s | wall s | reads |\n|---|---|---|---|")
    days = {f"days_{days}": days for days in [MONTH, YEAR]}
    for name, commits in days.items():
        bench.monitor(name, commits)
    days["long_log"] = YEAR
    bench.monitor("long_log", YEAR, checkpoints=100)
    more = bench.pair(
        {name: f"{commits} daily commits, one more{LONG.get(name, '')}" for name, commits in days.items()},
        lambda time, name: bench.append(name, days[name] + time, ROWS),
    )
    bench.pair(
        {name: f"{commits} daily commits, nothing new{LONG.get(name, '')}" for name, commits in days.items()},
        lambda time, name: None,
    )
    slices = {f"slices_{days}": days for days in [MONTH, YEAR]}
    for name, commits in slices.items():
        bench.monitor(name, commits, 2_000, slices=SLICES)
    more |= bench.pair(
        {name: f"{commits} daily commits with slices, one more" for name, commits in slices.items()},
        lambda time, name: bench.append(name, slices[name] + time, 2_000),
    )
    labels = {f"labels_{days}": days for days in [MONTH, YEAR]}
    for name, commits in labels.items():
        bench.labelled(name, commits, 2_000)
    more |= bench.pair(
        {name: f"{commits} daily commits and as many of labels, one more" for name, commits in labels.items()},
        lambda time, name: bench.append_labelled(name, labels[name] + time, 2_000),
    )
    year = f"days_{YEAR}"
    bench.median(f"{YEAR} daily commits, late rows of the first day", year, lambda time: bench.append(year, 0, 500, 2 + time))

    def scattered(time: int) -> None:
        late = pa.concat_tables([rows_of(day, 20, 9 + time) for day in range(0, 300, 5)])
        write_deltalake(folder / "lake" / year, late, mode="append")

    bench.median(f"{YEAR} daily commits, late rows of sixty days", year, scattered)
    bench.many_files("files", 10_000)
    bench.median("10,000 files, `plan` at first", "files", command="plan")
    bench.run("run", "files")
    bench.append("files", 1, 100)
    bench.median("10,000 files, `plan` after one more commit", "files", command="plan")
    print()
    tables = [("days", year), ("days", "long_log"), ("slices", f"slices_{YEAR}"), ("labels", f"labels_{YEAR}")]
    for kind, name in tables:
        ratios = [large / small for small, large in zip(more[f"{kind}_{MONTH}"], more[name])]
        what = f"{kind}, {YEAR} commits{LONG.get(name, '')}"
        print(f"one commit more, {what}, by {MONTH}, median of pairs: {statistics.median(ratios):.2f}")
    print("\n| `profile_metrics` before | one hour more writes |\n|---|---|")
    for days in [5, 365]:
        name = f"hours_{days}"
        bench.monitor(name, days, 2_000, "1 hour")
        rows = DeltaTable(folder / name / f"{name}_profile_metrics").to_pyarrow_dataset().count_rows()
        before = bench.size(name, "profile_metrics")
        last = rows_of(days, 2_000)
        write_deltalake(folder / "lake" / name, last.slice(0, 80), mode="append")
        bench.run("run", name)
        print(f"| {rows:,} rows | {(bench.size(name, 'profile_metrics') - before) / 1e3:.0f} kB |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    if len(sys.argv) == 3:
        main(sys.argv[1], Path(sys.argv[2]).resolve())
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(sys.argv[1], Path(folder))
