"""Opens the metric tables of a demo in readers that know nothing of Secchi, and asks what people ask.

    python ci/readers/check.py DEMO

DEMO is the folder that `secchi demo DEMO` made. The readers are deltalake's DataFusion, Polars, and DuckDB with its
own delta extension. Checked are the contract (names, order, types and comments of columns, no feature that a reader
could refuse), and queries as they are written for Databricks: they must run in every reader, say the same in each,
and find what `lake/truth.json` says was done to the lake.

Prints a line for each check, last `N passed, M failed`. Exit code 0 if none failed, 1 if one did, 2 if the folder is
no demo.
"""

import argparse
import json
import re
import sys
import traceback
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import duckdb_ext
import polars as pl
import pyarrow as pa
from datasketches import hll_sketch
from deltalake import DeltaTable, QueryBuilder

# --- the contract: the columns that Databricks data profiling has, in its order -------------------------------------

WINDOW = "struct<start:timestamp,end:timestamp>"
SCORES = "struct<one_vs_all:map<string,double>,macro:double,weighted:double>"
TEST = "struct<statistic:double,pvalue:double>"

PROFILE = f"""
window {WINDOW} | log_type string | logging_table_commit_version integer | monitor_version long
granularity string | model_version string | slice_key string | slice_value string | column_name string
data_type string | count long | num_nulls long | avg double | quantiles array<double> | min double | max double
stddev double | num_zeros long | num_nan long | min_length double | max_length double | avg_length double
non_null_columns array<string> | frequent_items array<struct<item:string,count:long>> | median double
distinct_count long | percent_nan double | percent_null double | percent_zeros double | percent_distinct double
accuracy_score double | confusion_matrix array<struct<prediction:string,label:string,count:long>>
precision {SCORES} | recall {SCORES} | f1_score {SCORES} | log_loss double | roc_auc_score {SCORES}
mean_squared_error double | root_mean_squared_error double | mean_average_error double
mean_absolute_percentage_error double | r2_score double
"""
DRIFT = f"""
window {WINDOW} | granularity string | monitor_version long | model_version string | slice_key string
slice_value string | column_name string | data_type string | window_cmp {WINDOW} | drift_type string
count_delta double | avg_delta double | percent_null_delta double | percent_zeros_delta double
percent_distinct_delta double | non_null_columns_delta struct<added:integer,missing:integer> | js_distance double
ks_test {TEST} | wasserstein_distance double | population_stability_index double | chi_squared_test {TEST}
tv_distance double | l_infinity_distance double
"""
LINEAGE = [
    "run_id", "monitor_name", "config_hash", "model_name", "model_run_id", "model_aliases", "source_table",
    "source_version", "source_version_from", "baseline_table", "baseline_version", "revision", "engine_version",
    "computed_at",
]  # fmt: skip
KEY = ["granularity", "window_start", "model_version", "slice_key", "slice_value", "column_name"]

# --- the queries that people have -----------------------------------------------------------------------------------

COMPLETENESS = """
SELECT window.start, column_name, percent_null FROM {profile}
WHERE log_type = 'INPUT' AND column_name <> ':table' AND slice_key IS NULL AND percent_null > 10 ORDER BY 1 DESC
"""
VOLUME = """
SELECT window.start, model_version, count FROM {profile}
WHERE column_name = ':table' AND slice_key IS NULL AND granularity = '1 day' ORDER BY window.start
"""
QUALITY = """
SELECT window.start, accuracy_score, f1_score.macro, precision.weighted, recall.weighted FROM {profile}
WHERE column_name = ':table' AND slice_key IS NULL AND accuracy_score IS NOT NULL AND model_version <> '*'
"""
NUMERIC_DRIFT = """
SELECT window.start, column_name, ks_test.statistic, ks_test.pvalue, wasserstein_distance, population_stability_index
FROM {drift} WHERE drift_type = 'BASELINE' AND ks_test.pvalue < 0.05 AND slice_key IS NULL
"""
CATEGORICAL_DRIFT = """
SELECT window.start, column_name, js_distance, tv_distance, chi_squared_test.pvalue FROM {drift}
WHERE drift_type = 'CONSECUTIVE' AND window_cmp IS NOT NULL AND js_distance > 0.2
"""
COLUMNS_CAME_AND_WENT = """
SELECT window.start, non_null_columns_delta.added, non_null_columns_delta.missing FROM {drift}
WHERE column_name = ':table' AND (non_null_columns_delta.added > 0 OR non_null_columns_delta.missing > 0)
"""
VIOLATIONS = """
SELECT model_version, granularity, count(*) FROM (
  SELECT model_version, granularity, accuracy_score,
         row_number() OVER (PARTITION BY model_version, granularity ORDER BY window.start DESC) AS n
  FROM {profile} WHERE column_name = ':table' AND slice_key IS NULL AND log_type = 'INPUT'
) AS recent WHERE n <= 5 AND accuracy_score < 0.8 GROUP BY 1, 2 HAVING count(*) >= 3
"""

# --- the readers ----------------------------------------------------------------------------------------------------


class DataFusion:
    """The engine inside the deltalake package."""

    def __init__(self, tables):
        self.engine = QueryBuilder()
        for name, path in tables.items():
            self.engine.register(name, DeltaTable(path))

    def sql(self, query):
        return pa.table(self.engine.execute(query))


class Polars:
    def __init__(self, tables):
        self.engine = pl.SQLContext({name: pl.scan_delta(path) for name, path in tables.items()})

    def sql(self, query):
        return self.engine.execute(query).collect().to_arrow()


class DuckDB:
    """With the delta extension, which is a reader of its own (delta-kernel)."""

    def __init__(self, tables):
        self.engine = duckdb.connect()
        duckdb_ext.init(self.engine)
        for name, path in tables.items():
            self.engine.execute(f"CREATE VIEW {name} AS SELECT * FROM delta_scan('{path}')")

    def sql(self, query):
        # `window` is a reserved word there.
        return self.engine.execute(re.sub(r"\bwindow\.", '"window".', query)).fetch_arrow_table()


def rows(table):
    """Rows as tuples, in an order that depends on nothing but them."""

    def plain(value):
        return value.astimezone(UTC) if isinstance(value, datetime) else value

    columns = [[plain(value) for value in column.to_pylist()] for column in table.columns]
    return sorted(zip(*columns), key=lambda row: tuple((value is None, str(value)) for value in row))


# --- what is checked ------------------------------------------------------------------------------------------------


def midnight(day):
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)


def need(condition, message):
    if not condition:
        raise AssertionError(message)


class Checks:
    def __init__(self, demo):
        self.passed = self.failed = 0
        self.demo = demo
        self.truth = json.loads((demo / "lake/truth.json").read_text())
        self.models = {model["monitor"]: model for model in self.truth["models"]}
        self.prefix = {monitor: monitor.replace("-", "_") for monitor in self.models}
        names = ["alerts", "runs"]
        for prefix in self.prefix.values():
            names += [f"{prefix}_profile_states", f"{prefix}_profile_metrics", f"{prefix}_drift_metrics"]
        self.tables = {name: str(demo / "monitoring" / name) for name in names}
        self.readers = {}

    def check(self, name, what):
        try:
            said = what()
        except AssertionError as error:
            self.failed += 1
            print(f"FAILED {name}: {error}")
        except Exception as error:  # A reader that breaks is what this is here to find.
            self.failed += 1
            print(f"FAILED {name}: {type(error).__name__}: {str(error).splitlines()[0]}")
            traceback.print_exc()
        else:
            self.passed += 1
            print(f"ok     {name}" + (f": {said}" if said else ""))

    def run(self):
        for reader in [DataFusion, Polars, DuckDB]:
            self.check(f"{reader.__name__} opens {len(self.tables)} tables", lambda: self.open(reader))
        for name in self.tables:
            self.check(f"{name}: readers see the same rows", lambda: self.same_number(name))
            self.check(f"{name}: every column has a comment", lambda: self.comments(name))
            self.check(f"{name}: no feature that a reader could refuse", lambda: self.protocol(name))
            self.check(f"{name}: no NaN, no infinity", lambda: self.finite(name))
        for prefix in self.prefix.values():
            profile, drift = f"{prefix}_profile_metrics", f"{prefix}_drift_metrics"
            self.check(f"{profile}: columns as in Databricks", lambda: self.contract(profile, PROFILE))
            self.check(f"{drift}: columns as in Databricks", lambda: self.contract(drift, DRIFT))
            self.check(f"{profile}: one row a key", lambda: self.unique(profile, [*KEY, "log_type"]))
            self.check(f"{drift}: one row a key", lambda: self.unique(drift, [*KEY, "drift_type"]))
            states = f"{prefix}_profile_states"
            self.check(f"{states}: one row a key", lambda: self.unique(states, [*KEY, "log_type"]))
            self.check(f"{states}: every number is in a bin", lambda: self.in_bins(states))
            self.check(f"{states}: sketches say what the metrics say", lambda: self.sketches(states, profile))
            for name in [profile, drift, states]:
                self.check(f"{name}: every row's run is in runs", lambda: self.has_run(name))

        ask = self.ask
        ask("completeness over time", "credit-default", COMPLETENESS, self.completeness)
        for monitor in self.models:
            ask("rows per window and model", monitor, VOLUME, self.volume)
        ask("quality over time", "credit-default", QUALITY, self.quality)
        ask("numeric drift that a test finds", "credit-default", NUMERIC_DRIFT, self.numeric_drift)
        ask("numeric drift that a test finds", "delivery-time", NUMERIC_DRIFT, self.numeric_drift)
        ask("categorical drift", "credit-default", CATEGORICAL_DRIFT, self.categorical_drift)
        for monitor in self.models:
            ask("new and missing columns", monitor, COLUMNS_CAME_AND_WENT, self.columns_came_and_went)
        ask("three violations in the last five windows", "credit-default", VIOLATIONS, self.violations)

    def ask(self, name, monitor, query, judge):
        """Asks every reader; the answers must agree, and `judge` must find them right."""

        def what():
            prefix = self.prefix[monitor]
            query_here = query.format(profile=f"{prefix}_profile_metrics", drift=f"{prefix}_drift_metrics")
            answers = {reader: rows(engine.sql(query_here)) for reader, engine in self.readers.items()}
            need(answers, "no reader opened the tables")
            (first, expected), *others = answers.items()
            for other, answer in others:
                odd = next((pair for pair in zip(expected, answer) if pair[0] != pair[1]), "the number of rows")
                numbers = f"{first} has {len(expected)} rows, {other} {len(answer)}"
                need(answer == expected, f"{numbers}; they differ in {odd}")
            judge(monitor, expected)
            return f"{len(expected)} rows in {', '.join(answers)}"

        self.check(f"{monitor}: {name}", what)

    # the contract

    def open(self, reader):
        self.readers[reader.__name__] = reader(self.tables)

    def same_number(self, name):
        query = f"SELECT count(*) FROM {name}"
        counts = {reader: rows(engine.sql(query))[0][0] for reader, engine in self.readers.items()}
        need(len(set(counts.values())) == 1, f"rows differ: {counts}")
        (count,) = set(counts.values())
        need(count > 0, "the table is empty")
        return f"{count:,}"

    def fields(self, name):
        return json.loads(DeltaTable(self.tables[name]).schema().to_json())["fields"]

    def comments(self, name):
        def without(fields, within=""):
            for field in fields:
                if not field["metadata"].get("comment", "").strip():
                    yield within + field["name"]
                nested = field["type"]
                while isinstance(nested, dict) and nested["type"] in ("array", "map"):
                    nested = nested.get("elementType") or nested.get("valueType")
                if isinstance(nested, dict):
                    yield from without(nested["fields"], f"{within}{field['name']}.")

        silent = list(without(self.fields(name)))
        need(not silent, f"columns without one: {', '.join(silent)}")
        need(DeltaTable(self.tables[name]).metadata().description, "the table itself has no description")

    def protocol(self, name):
        protocol = DeltaTable(self.tables[name]).protocol()
        need(protocol.min_reader_version == 1, f"readers of version {protocol.min_reader_version} are needed")
        need(not protocol.reader_features, f"readers must know {protocol.reader_features}")

    def finite(self, name):
        frame = pl.scan_delta(self.tables[name])
        doubles = [column for column, dtype in frame.collect_schema().items() if dtype == pl.Float64]
        if not doubles:
            return
        odd = frame.select((~pl.col(doubles).is_finite()).sum()).collect().row(0, named=True)
        odd = {column: count for column, count in odd.items() if count}
        need(not odd, f"not finite: {odd}")

    def contract(self, name, wanted):
        def spelled(kind):
            if isinstance(kind, str):
                return kind
            match kind["type"]:
                case "struct":
                    fields = [f"{field['name']}:{spelled(field['type'])}" for field in kind["fields"]]
                    return f"struct<{','.join(fields)}>"
                case "array":
                    return f"array<{spelled(kind['elementType'])}>"
                case "map":
                    return f"map<{spelled(kind['keyType'])},{spelled(kind['valueType'])}>"

        wanted = [tuple(column.split(" ")) for column in re.split(r" \| |\n", wanted.strip())]
        found = [(field["name"], spelled(field["type"])) for field in self.fields(name)]
        for place, (expected, actual) in enumerate(zip(wanted, found), start=1):
            need(expected == actual, f"column {place} should be {' '.join(expected)}, but is {' '.join(actual)}")
        need(len(found) > len(wanted), "columns are missing at the end")
        further = [column for column, _ in found[len(wanted) :]]
        missing = [column for column in LINEAGE if column not in further and column not in dict(wanted)]
        need(not missing, f"lineage columns are missing: {', '.join(missing)}")
        return f"{len(wanted)}, and {len(further)} of its own"

    def unique(self, name, key):
        repeated = pl.scan_delta(self.tables[name]).group_by(key).len().filter(pl.col("len") > 1).collect()
        need(repeated.is_empty(), f"{len(repeated)} keys have several rows, such as {repeated.head(1).to_dicts()}")

    def has_run(self, name):
        runs = pl.scan_delta(self.tables["runs"]).filter(pl.col("status") == "SUCCEEDED").select("run_id")
        lost = pl.scan_delta(self.tables[name]).join(runs, on="run_id", how="anti").select(pl.len()).collect().item()
        need(lost == 0, f"{lost} rows name a run that is not there, or did not succeed")

    def in_bins(self, name):
        numbers = pl.scan_delta(self.tables[name]).filter(pl.col("kind") == "numeric", pl.col("count") > 0).collect()
        bins = numbers["histogram"].struct.field("counts").list.sum()
        odd = (bins != numbers["count"] - numbers["num_nan"] - numbers["num_infinite"]).sum()
        need(odd == 0, f"in {odd} rows the bins do not hold every finite value")
        places = numbers.select("column_name", pl.col("histogram").struct.field("edges")).unique()
        moved = places.group_by("column_name").len().filter(pl.col("len") > 1)
        need(moved.is_empty(), f"edges have moved: {moved.to_dicts()}")
        return f"{len(numbers)} histograms"

    def sketches(self, name, profile):
        key = ["window_start", "model_version", "slice_key", "slice_value", "column_name", "log_type"]
        states = pl.scan_delta(self.tables[name]).filter(pl.col("distinct_sketch").is_not_null())
        metrics = pl.scan_delta(self.tables[profile]).select(*key, pl.col("distinct_count"), pl.col("count").alias("of"))
        both = states.join(metrics, on=key, nulls_equal=True).select("distinct_sketch", "distinct_count", "of").collect()
        need(len(both), "no column has so many different values")
        for sketch, expected, count in both.iter_rows():
            estimate = min(round(hll_sketch.deserialize(sketch).get_estimate()), count)
            need(abs(estimate - expected) <= 0.03 * expected, f"a sketch says {estimate}, the metrics {expected}")
        return f"{len(both)} sketches"

    # the answers

    def incident(self, monitor, column):
        found = [one for one in self.truth["incidents"] if one["model"] == monitor and one["column"] == column]
        first = midnight(found[0]["first_day"])
        last = midnight(found[0]["last_day"]) if found[0]["last_day"] else self.last_day()
        return first, last

    def last_day(self):
        return midnight(self.truth["first_day"]) + timedelta(days=self.truth["days"] - 1)

    def completeness(self, monitor, answer):
        first, last = self.incident(monitor, "employment_years")
        days = [start for start, column, _ in answer if column == "employment_years"]
        need(days, "the null spike of employment_years is not found")
        odd = [day for day in days if not first <= day <= last]
        need(not odd, f"employment_years has nulls outside of the incident, first on {min(odd, default=None)}")
        others = {column for _, column, _ in answer} - {"employment_years", "defaulted"}
        need(not others, f"{others} have nulls, but no such thing was done to them")

    def volume(self, monitor, answer):
        """Rows by day and version are those of the lake itself."""
        model = self.models[monitor]
        table = self.demo / "lake/inference" / self.prefix[monitor]
        lake = (
            pl.scan_delta(str(table))
            .group_by(pl.col("event_time").dt.truncate("1d").alias("day"), pl.col("model_version"))
            .len()
            .collect()
        )
        expected = {(day.astimezone(UTC), version): count for day, version, count in lake.iter_rows()}
        found = {(start, version): count for start, version, count in answer if version != "*"}
        odd = {key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)}
        need(not odd, f"{len(odd)} days differ from the lake, first {min(odd, default=None)}")
        total = sum(count for _, version, count in answer if version == "*")
        wanted = self.truth["tables"][f"inference/{self.prefix[monitor]}"]["rows"]
        by_version = sum(found.values())
        need(by_version == total == wanted, f"{by_version} rows by version, {total} in all, {wanted} in truth")
        for version in {version for phase in model["rollout"] for version in phase["shares"]}:
            starts = midnight(next(phase["first_day"] for phase in model["rollout"] if version in phase["shares"]))
            began = min(start for start, of_version in found if of_version == version)
            need(began == starts, f"version {version} was rolled out on {starts:%F}, but first seen on {began:%F}")

    def quality(self, monitor, answer):
        # The query has no log_type, so the baseline's rows are in it, without a window.
        windows = [start for start, *_ in answer if start is not None]
        need(windows, "no window has an accuracy")
        need(len(windows) < len(answer), "the baseline has no accuracy")
        for start, *scores in answer:
            within = all(score is not None and 0 <= score <= 1 for score in scores)
            need(within, f"{scores} on {start} are not within 0 and 1")
        # Labels take two weeks: there are some early on, and none in the last days.
        latest = max(windows)
        need(latest < self.last_day() - timedelta(days=7), f"there are labels for {latest:%F} already")

    def numeric_drift(self, monitor, answer):
        column = {"credit-default": "monthly_income", "delivery-time": "latency_ms"}[monitor]
        first, last = self.incident(monitor, column)
        need(all(None not in row for row in answer), "a measure is NULL where the test has a result")
        large = {start for start, name, *_, psi in answer if name == column and psi > 1}
        wanted = {first + timedelta(days=day) for day in range((last - first).days + 1)}
        unseen = wanted - large
        need(not unseen, f"the drift of {column} is not found on {len(unseen)} days, first {min(unseen, default=None)}")
        # A week that holds the first day begins before it.
        early = {start for start in large - wanted if start < first - timedelta(days=first.weekday())}
        need(not early, f"{column} is said to drift before it did, first on {min(early, default=None)}")
        for start, name, statistic, pvalue, distance, psi in answer:
            within = 0 <= statistic <= 1 and 0 <= pvalue < 0.05 and distance >= 0 and psi >= 0
            need(within, f"a measure of {name} on {start:%F} is out of range")

    def categorical_drift(self, monitor, answer):
        first, _ = self.incident(monitor, "channel")
        found = {(start, column) for start, column, *_ in answer}
        need((first, "channel") in found, f"channel is not found on {first:%F}")
        for start, column, js, tv, pvalue in answer:
            need(0.2 < js <= 1, f"js_distance of {column} on {start:%F} is {js}")
            need((tv is None) == (pvalue is None), f"{column} on {start:%F} has one measure of categories of two")

    def columns_came_and_went(self, monitor, answer):
        """There are such windows exactly if the profile table's lists differ."""
        profile = pl.scan_delta(self.tables[f"{self.prefix[monitor]}_profile_metrics"])
        lists = profile.filter(pl.col("column_name") == ":table").select(pl.col("non_null_columns").list.sort())
        number = lists.select(pl.col("non_null_columns").list.join(",").n_unique()).collect().item()
        need(bool(answer) == (number > 1), f"{len(answer)} windows, though there are {number} lists of columns")
        need(all(added >= 0 and missing >= 0 for _, added, missing in answer), "a number of columns is negative")

    def violations(self, monitor, answer):
        # Version 1 is right in about 78 of 100 cases, so its days do fall below 0.8.
        found = {(version, granularity) for version, granularity, _ in answer}
        need(("1", "1 day") in found, f"version 1 is not among {answer}")
        need(all(3 <= count <= 5 for *_, count in answer), f"{answer} should be counts from 3 to 5")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demo", type=Path, help="folder that `secchi demo` made")
    demo = parser.parse_args().demo
    for part in ["lake/truth.json", "monitoring"]:
        if not (demo / part).exists():
            parser.error(f"there is no {part} in {demo}: make the demo with `secchi demo {demo}`")
    checks = Checks(demo)
    checks.run()
    sys.stderr.flush()
    print(f"{checks.passed} passed, {checks.failed} failed")
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
