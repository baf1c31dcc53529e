"""What people use today, on the benchmark table: a smaller profile than Secchi's, by day and model version.

usage: peers.py TABLE (scan|polars|datafusion|duckdb)

Of numbers: values, mean, standard deviation, extremes, different values, three quantiles, zeros.
Of texts: values, different values, and (not DataFusion) the most frequent.
Prints what the work cost, without the imports: rows, CPU and wall seconds, largest resident set in MiB.
"""

import importlib
import resource
import sys
import time

from deltalake import DeltaTable

table, peer = sys.argv[1:3]
NUMBERS = [f"num_{i}" for i in range(10)] + [f"int_{i}" for i in range(4)]
NUMBERS += ["score", "prediction", "label", "latency_ms"]
TEXTS = [f"cat_{i}" for i in range(6)]
GROUPS = ["event_time", "model_version"]
QUARTILES = [0.25, 0.5, 0.75]


def scan(files):
    parquet = importlib.import_module("pyarrow.parquet")
    return sum(parquet.read_table(file, columns=NUMBERS + TEXTS + GROUPS).num_rows for file in files)


def polars(files):
    pl = importlib.import_module("polars")
    wanted = [pl.len().alias("rows")]
    for name in NUMBERS:
        column = pl.col(name)
        measures = {
            "n": column.count(),
            "mean": column.mean(),
            "std": column.std(),
            "min": column.min(),
            "max": column.max(),
            "distinct": column.approx_n_unique(),
            "zeros": (column == 0).sum(),
        } | {f"q{q}": column.quantile(q) for q in QUARTILES}
        wanted += [measure.alias(f"{name}_{what}") for what, measure in measures.items()]
    for name in TEXTS:
        column = pl.col(name)
        top = column.value_counts(sort=True).head(20).implode()
        measures = {"n": column.count(), "distinct": column.approx_n_unique(), "top": top}
        wanted += [measure.alias(f"{name}_{what}") for what, measure in measures.items()]
    keys = [pl.col("event_time").dt.truncate("1d"), "model_version"]
    frame = pl.scan_parquet(files).group_by(keys).agg(wanted).collect(engine="streaming")
    return frame["rows"].sum()


def sql(number, text, source):
    wanted = [number.format(c=name) for name in NUMBERS] + [text.format(c=name) for name in TEXTS]
    return f"""SELECT date_trunc('day', event_time), model_version, count(*) AS n, {", ".join(wanted)}
               FROM {source} GROUP BY 1, 2"""


def datafusion(files):
    context = importlib.import_module("datafusion").SessionContext()
    context.register_parquet("t", table)
    number = "count({c}), avg({c}), stddev({c}), min({c}), max({c}), approx_distinct(cast({c} AS bigint)), "
    number += ", ".join(f"approx_percentile_cont({{c}}, {q})" for q in QUARTILES)
    number += ", count(*) FILTER (WHERE {c} = 0)"
    batches = context.sql(sql(number, "count({c}), approx_distinct({c})", "t")).collect()
    return sum(sum(batch.column("n").to_pylist()) for batch in batches)


def duckdb(files):
    connection = importlib.import_module("duckdb").connect()
    number = "count({c}), avg({c}), stddev({c}), min({c}), max({c}), approx_count_distinct({c}), "
    number += f"approx_quantile({{c}}, {QUARTILES}), count(*) FILTER ({{c}} = 0)"
    text = "count({c}), approx_count_distinct({c}), approx_top_k({c}, 20)"
    rows = connection.sql(sql(number, text, f"read_parquet({files})")).fetchall()
    return sum(row[2] for row in rows)


files = [uri.removeprefix("file://") for uri in DeltaTable(table).file_uris()]
importlib.import_module("pyarrow.parquet" if peer == "scan" else peer)
wall, cpu = time.perf_counter(), time.process_time()
rows = {"scan": scan, "polars": polars, "datafusion": datafusion, "duckdb": duckdb}[peer](files)
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"rows {rows} cpu {cpu:.3f} wall {wall:.3f} peak {peak:.0f}")
