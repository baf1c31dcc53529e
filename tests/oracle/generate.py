"""Writes the numbers that the tests of profiles, drift and quality are held to.

Every file is a list of cases: input, then what SciPy, scikit-learn or NumPy says about it.
Nothing here shares code or thinking with the program under test; where a library defines a
measure, the library is called. The one exception, the population stability index, has no
library definition and is written out below in four lines.

Run it from anywhere; it replaces the JSON files beside it. Seeds are fixed, so a second run
writes the same bytes. README.md states every convention in words.
"""

import json
import math
import warnings
from collections import Counter
from fractions import Fraction
from math import comb
from pathlib import Path

import numpy as np
from scipy import special, stats
from scipy.spatial.distance import jensenshannon
from scipy.stats.contingency import expected_freq
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.isotonic import IsotonicRegression

FOLDER = Path(__file__).resolve().parent

DECILES = np.arange(1, 10) / 10
TENTHS = np.arange(0, 11) / 10
LARGE_QUANTILES = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]

# Smallest share a bin may have. Shares are not rescaled after flooring.
SHARE_FLOOR = 1e-4


# ---------------------------------------------------------------------------------------------
# JSON: one field per line, so that a changed number shows as one changed line
# ---------------------------------------------------------------------------------------------


def write(file_name, cases):
    """Writes `cases` to `file_name`. A NaN or an infinity among the numbers is an error."""
    names = [case["name"] for case in cases]
    assert len(names) == len(set(names)), f"{file_name}: two cases share a name"
    text = "[\n" + ",\n".join(render(case) for case in cases) + "\n]\n"
    (FOLDER / file_name).write_text(text, encoding="ascii", newline="\n")
    print(f"{file_name}: {len(cases)} cases, {len(text)} bytes")


def render(case):
    """One case: its fields on a line each."""

    def dumps(value):
        return json.dumps(value, allow_nan=False, separators=(",", ": "))

    fields = [f"    {dumps(key)}: {dumps(value)}" for key, value in case.items()]
    return "  {\n" + ",\n".join(fields) + "\n  }"


def number_or_null(value):
    """A float for JSON; null where the library answers NaN, which is its word for "undefined"."""
    return None if np.isnan(value) else float(value)


def spelled(value):
    """An input value for JSON: null stays null, and what JSON cannot write becomes a string."""
    if value is None:
        return None
    if np.isnan(value):
        return "NaN"
    if np.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return float(value)


# ---------------------------------------------------------------------------------------------
# Measures of drift
# ---------------------------------------------------------------------------------------------


def shares(counts):
    """Counts as parts of their sum."""
    counts = np.asarray(counts)
    return counts / counts.sum()


def population_stability_index(baseline, window):
    """PSI of two count vectors over the same bins, in nats."""
    b = np.maximum(shares(baseline), SHARE_FLOOR)
    w = np.maximum(shares(window), SHARE_FLOOR)
    return float(np.sum((w - b) * np.log(w / b)))


def chi_squared_test(baseline, window):
    """Homogeneity test without Yates' correction; None when fewer than two categories occur.

    A category that neither side has would divide by an expected count of zero, so it is dropped.
    """
    table = np.array([baseline, window])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return None
    result = stats.chi2_contingency(table, correction=False)
    return {"statistic": float(result.statistic), "pvalue": float(result.pvalue)}


def degrees_of_freedom(baseline, window):
    """Those of the homogeneity test; None when there is none."""
    used = int((np.array([baseline, window]).sum(axis=0) > 0).sum())
    return used - 1 if used > 1 else None


def cramers_v(baseline, window):
    """Without correction for bias; None when fewer than two categories occur."""
    table = np.array([baseline, window])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return None
    return float(stats.contingency.association(table, method="cramer", correction=False))


def kl_divergence(baseline, window):
    """Of the window from the baseline, in nats, with the floor of PSI: SciPy's `kl_div` has the terms that keep it positive."""
    b = np.maximum(shares(baseline), SHARE_FLOOR)
    w = np.maximum(shares(window), SHARE_FLOOR)
    return float(special.kl_div(w, b).sum())


def cramer_von_mises_test(baseline, window):
    """With the p-value of the limiting distribution at every size; None for a side of one row."""
    if min(len(baseline), len(window)) < 2:
        return None
    result = stats.cramervonmises_2samp(window, baseline, method="asymptotic")
    return {"statistic": float(result.statistic), "pvalue": float(result.pvalue)}


def standardized_mean_difference(baseline, window):
    """Cohen's d with both sample variances weighing the same; 0 where nothing varies or moves, else None there."""
    if min(len(baseline), len(window)) < 2:
        return None
    spread = np.sqrt((np.var(baseline, ddof=1) + np.var(window, ddof=1)) / 2)
    difference = np.mean(window) - np.mean(baseline)
    if spread == 0:
        return 0.0 if difference == 0 else None
    return float(difference / spread)


def ks_test(baseline, window):
    """Two-sample Kolmogorov-Smirnov test with an asymptotic p-value at every size.

    The p-value takes D as a one-sample statistic of round(n*m / (n+m)) rows. `round` is Python's:
    a half goes to the even neighbour (5 rows v 5 rows are 2 effective rows, not 3). 1 row v 1 row
    rounds to 0 rows, for which the distribution does not exist: null.
    """
    n, m = len(baseline), len(window)
    with np.errstate(divide="ignore"):  # its own p-value divides by zero for 1 row v 1 row
        statistic = stats.ks_2samp(baseline, window, method="asymp").statistic
    effective_rows = round(n * m / (n + m))
    pvalue = stats.kstwo.sf(statistic, effective_rows) if effective_rows > 0 else np.nan
    return {"statistic": float(statistic), "pvalue": number_or_null(np.clip(pvalue, 0, 1))}


def psi_counts(baseline, window):
    """Both sides counted in bins between the baseline's deciles; equal deciles are merged.

    The bins are (-inf, e1], (e1, e2], ..., (ek, +inf): a value on an edge belongs to its left.
    Where the lowest decile is the baseline's minimum, e1 would hide a fall below it: window values
    below the minimum then have a bin of their own, up to the largest float that is below it.
    """
    edges = np.unique(np.quantile(baseline, DECILES, method="inverted_cdf"))
    if edges[0] == baseline.min() and window.min() < edges[0]:
        edges = np.insert(edges, 0, np.nextafter(edges[0], -np.inf))

    def count(values):
        return np.bincount(np.digitize(values, edges, right=True), minlength=len(edges) + 1).tolist()

    return {"edges": edges.tolist(), "baseline": count(baseline), "window": count(window)}


def count_drift(baseline, window):
    """Every measure of two aligned count vectors."""
    p, q = shares(baseline), shares(window)
    return {
        "population_stability_index": population_stability_index(baseline, window),
        "js_distance": float(jensenshannon(p, q, base=2)),
        "tv_distance": float(np.abs(p - q).sum() / 2),
        "l_infinity_distance": float(np.abs(p - q).max()),
        "hellinger_distance": float(np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / np.sqrt(2)),
        "kl_divergence": kl_divergence(baseline, window),
        "cramers_v": cramers_v(baseline, window),
        "chi_squared_degrees_of_freedom": degrees_of_freedom(baseline, window),
        "chi_squared_test": chi_squared_test(baseline, window),
        "drift_pvalue": drift_pvalue(baseline, window),
    }


def fisher_exact(table):
    """Fisher's exact test: SciPy's, or in whole numbers where SciPy's overflow."""
    table = np.asarray(table)
    if table.sum() < 10**8:
        return float(stats.fisher_exact(table).pvalue)
    # The table read either way is the same; so that the smallest of its sums is that of a column.
    table = min(table, table.T, key=lambda table: table.sum(axis=0).min())
    baseline, window = (sum(map(int, side)) for side in table)
    rare = tuple(map(int, min(table.T, key=sum)))
    having = sum(rare)
    tables = [comb(window, k) * comb(baseline, having - k) for k in range(min(having, window) + 1)]
    return float(Fraction(sum(t for t in tables if t <= tables[rare[1]]), sum(tables)))


def drift_pvalue(baseline, window):
    """P-value of names: rare ones, of which fewer than five are expected on the smaller side, are one."""
    table = np.array([baseline, window])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return None

    def is_rare(columns):
        return expected_freq(columns).min(axis=0) < 5

    if table.shape[1] == 2 and is_rare(table).any():
        return fisher_exact(table)
    rare, common = table[:, is_rare(table)], table[:, ~is_rare(table)]
    if common.shape[1] == 0:
        return None
    if rare.shape[1] > 0:
        together = rare.sum(axis=1, keepdims=True)
        expected = table.sum(axis=1).min() * together.sum() / table.sum()
        if expected < 5 and common.shape[1] == 1:
            return fisher_exact(np.hstack([together, common]))
        if expected < 5:
            most = common.sum(axis=0).argmax()
            common = common.copy()
            common[:, most] += together[:, 0]
        else:
            common = np.hstack([common, together])
    if common.shape[1] < 2:
        return None
    return float(stats.chi2_contingency(common, correction=False).pvalue)


def row_drift(baseline, window):
    """Every measure of two numeric samples."""
    counts = psi_counts(baseline, window)
    distance, sigma = float(stats.wasserstein_distance(baseline, window)), np.std(baseline)
    return {
        "ks_test": ks_test(baseline, window),
        "wasserstein_distance": distance,
        "wasserstein_distance_normed": float(distance / sigma) if np.ptp(baseline) > 0 else None,
        "energy_distance": float(stats.energy_distance(baseline, window)),
        "cramer_von_mises_test": cramer_von_mises_test(baseline, window),
        "standardized_mean_difference": standardized_mean_difference(baseline, window),
        "population_stability_index": population_stability_index(counts["baseline"], counts["window"]),
        "psi_counts": counts,
    }


# ---------------------------------------------------------------------------------------------
# drift_counts.json
# ---------------------------------------------------------------------------------------------


def drift_counts():
    """Aligned count vectors: small ones to reason about, and large ones."""
    rng = np.random.default_rng(101)
    trillion = 10**12
    zipf = 1 / np.arange(1, 201)
    zipf /= zipf.sum()
    tilted = zipf * np.linspace(1.3, 0.7, 200)
    tilted /= tilted.sum()

    pairs = {
        # Nothing moved.
        "equal": ([50, 30, 20], [50, 30, 20]),
        "equal_shares_other_row_count": ([1, 1], [5, 5]),
        "equal_shares_in_thirds": ([1, 1, 1], [7, 7, 7]),
        "equal_after_scaling_by_a_million": ([50, 30, 20], [50_000_000, 30_000_000, 20_000_000]),
        # Something moved.
        "small_move": ([50, 30, 20], [49, 31, 20]),
        "moderate_move_other_row_count": ([50, 30, 20], [400, 300, 300]),
        "moderate_move_same_shares_as_scaled": ([50, 30, 20], [40, 30, 30]),
        "sides_swapped": ([400, 300, 300], [50, 30, 20]),
        "order_reversed": ([10, 20, 30, 40], [40, 30, 20, 10]),
        "ten_bins_uniform_to_slope": ([100] * 10, [10, 30, 50, 70, 90, 110, 130, 150, 170, 190]),
        # Nothing in common.
        "disjoint_two": ([1, 0], [0, 1]),
        "disjoint_four": ([70, 30, 0, 0], [0, 0, 40, 60]),
        # Zeros.
        "category_appears": ([60, 40, 0], [50, 30, 20]),
        "category_disappears": ([50, 30, 20], [60, 40, 0]),
        "zero_on_both_sides": ([50, 0, 50], [60, 0, 40]),
        "zero_on_both_sides_and_on_each": ([50, 0, 50, 0], [60, 0, 0, 40]),
        "one_category_left_after_dropping_zeros": ([0, 12, 0], [0, 7, 0]),
        # Shares around the floor of one row in ten thousand.
        "share_exactly_at_floor": ([9_999, 1], [9_000, 1_000]),
        "share_below_floor_on_one_side": ([99_999, 1], [90_000, 10_000]),
        "shares_below_floor_on_both_sides": ([999_990, 10], [999_950, 50]),
        # One and two categories.
        "one_category": ([10], [20]),
        "two_categories": ([30, 70], [45, 55]),
        "two_categories_even": ([500, 500], [520, 480]),
        # Imbalance, within a side and between sides.
        "heavy_imbalance": ([1_000_000, 10, 1], [1_000_000, 100, 10]),
        "heavy_imbalance_flipped": ([999_999, 1], [1, 999_999]),
        "one_row_against_a_million": ([600_000, 400_000], [0, 1]),
        # Tiny counts.
        "one_row_each_equal": ([1, 0], [1, 0]),
        "tiny_counts": ([1, 2, 0], [2, 1, 1]),
        "two_rows_against_three": ([1, 1, 0], [1, 1, 1]),
        # Huge counts.
        "huge_equal": ([trillion, 2 * trillion], [trillion, 2 * trillion]),
        "huge_moved_by_one_millionth": ([trillion, trillion], [trillion + 10**6, trillion - 10**6]),
        "huge_moved": ([5 * trillion, 3 * trillion, 2 * trillion], [4 * trillion, 4 * trillion, 2 * trillion]),
        "huge_against_tiny": ([trillion, trillion], [3, 1]),
        # Many categories.
        "many_categories_no_drift": (rng.multinomial(20_000, zipf), rng.multinomial(20_000, zipf)),
        "many_categories_drift": (rng.multinomial(50_000, zipf), rng.multinomial(10_000, tilted)),
        "many_categories_sparse": (rng.multinomial(150, zipf), rng.multinomial(90, zipf)),
        "many_categories_even": (rng.integers(90, 111, 200), rng.integers(90, 111, 200)),
    }
    return [
        {"name": name, "baseline": list(map(int, b)), "window": list(map(int, w)), "expected": count_drift(b, w)}
        for name, (b, w) in pairs.items()
    ]


# ---------------------------------------------------------------------------------------------
# drift_nulls.json, drift_families.json
# ---------------------------------------------------------------------------------------------


def drift_nulls():
    """NULLs and values on both sides: the test of missing values, and what decides it where few are expected."""
    cases = []
    for baseline, window in [
        ((0, 20_000), (0, 5_000)),
        ((0, 20_000), (1, 4_999)),
        ((0, 20_000), (2, 4_998)),
        ((1, 19_999), (0, 5_000)),
        ((100, 19_900), (4, 196)),
        ((1_000, 19_000), (8, 192)),
        ((1_000, 19_000), (400, 4_600)),
        ((1_000, 19_000), (250, 4_750)),
        ((20_000, 0), (4_999, 1)),
        ((20_000, 0), (5_000, 0)),
        ((3, 7), (9, 1)),
        ((1, 1), (1, 1)),
        ((0, 1), (1, 0)),
        ((50, 10**9), (60, 10**9)),
        ((2, 10**7), (30, 10**6)),
        ((7, 999_993), (1, 9)),
    ]:
        table = np.array([baseline, window])
        one_kind = (table.sum(axis=0) == 0).any()
        exact = not one_kind and expected_freq(table).min() < 5
        test = (0.0, 1.0) if one_kind else stats.chi2_contingency(table, correction=False)[:2]
        cases.append({
            "name": f"{baseline[0]} of {sum(baseline)} and {window[0]} of {sum(window)}",
            "baseline": list(baseline),
            "window": list(window),
            "expected": {
                "statistic": float(test[0]),
                "pvalue": float(fisher_exact(table) if exact else test[1]),
                "fishers_exact_test": fisher_exact(table) if table.sum() < 10**8 else None,
            },
        })
    return cases


def drift_families():
    """P-values of one comparison, adjusted."""
    rng = np.random.default_rng(104)
    families = {
        "one": [0.03],
        "equal": [0.02, 0.02, 0.02],
        "zero_and_one": [0.0, 1.0, 0.5],
        "twenty_that_have_not_moved": rng.uniform(size=20).tolist(),
        "twenty_of_which_three_have": [*rng.uniform(size=17).tolist(), 1e-9, 1e-4, 3e-3],
        "a_thousand": (rng.uniform(size=1_000) ** 2).tolist(),
    }
    return [
        {"name": name, "pvalues": pvalues, "expected": stats.false_discovery_control(pvalues).tolist()}
        for name, pvalues in families.items()
    ]


# ---------------------------------------------------------------------------------------------
# drift_rows.json
# ---------------------------------------------------------------------------------------------


def rounded(values, decimals=3):
    """Values with few decimals, which keep the file small. Adding 0.0 turns -0.0 into 0.0."""
    return np.round(values, decimals) + 0.0


def tiny_row_pairs():
    """Samples small enough to check with pencil and paper."""
    return {
        "one_row_each_equal": ([1.0], [1.0]),
        "one_row_each_different": ([1.0], [2.0]),
        "two_rows_against_three": ([1.0, 2.0], [1.5, 2.5, 3.5]),
        "one_row_against_ten": ([4.5], np.arange(10.0)),
        "ten_rows_against_one": (np.arange(10.0), [4.5]),
        # n*m/(n+m) = 2.5: half to even gives 2, half up would give 3.
        "half_to_even_five_against_five": ([1.0, 2.0, 3.0, 4.0, 5.0], [3.5, 4.5, 5.5, 6.5, 7.5]),
        # n*m/(n+m) = 4.5: half to even gives 4, half up would give 5.
        "half_to_even_nine_against_nine": (np.arange(9.0), np.arange(9.0) + 3.5),
        # Both rules give 4.
        "half_rounds_up_seven_against_seven": (np.arange(7.0), np.arange(7.0) + 2.5),
        # n*m/(n+m) = 31.5, but n/(n+m)*m is a little less in doubles, and would round to 31 instead of 32.
        "half_to_even_of_unequal_sizes": (np.arange(105.0), np.arange(45.0) * 2 + 20.5),
        # 125 effective rows and n*d^2 = 2.45: twice the one-sided tail is not yet right to nine digits.
        "few_rows_clearly_apart": (np.arange(250.0), np.arange(250.0) + 35),
        # Ten rows: every decile is a row, so every rank is a whole number.
        "ten_rows_each_decile_is_a_row": (np.arange(1.0, 11.0), np.arange(3.0, 13.0)),
        "eleven_rows_no_decile_rank_is_whole": (np.arange(1.0, 12.0), np.arange(1.0, 12.0) * 1.5),
    }


def degenerate_row_pairs():
    """Few distinct values: what ties, merged deciles and edges do."""
    return {
        "constants_equal": ([5.0] * 20, [5.0] * 30),
        "constants_different_up": ([5.0] * 20, [7.0] * 30),
        "constants_different_down": ([5.0] * 20, [3.0] * 30),
        "constant_different_both_ways": ([5.0] * 20, [3.0] * 5 + [5.0] * 10 + [7.0] * 15),
        "zeros_fall_below_zero": ([0.0] * 60 + [1.0] * 40, [-1.0] * 10 + [-5e-324] * 5 + [0.0] * 50 + [1.0] * 35),
        "window_below_a_minimum_that_is_no_decile": (np.arange(100.0), np.arange(100.0) - 5),
        "constant_baseline_varied_window": ([2.0] * 25, np.arange(25.0) / 5),
        "varied_baseline_constant_window": (np.arange(25.0) / 5, [2.0] * 25),
        "two_values": ([0.0] * 70 + [1.0] * 30, [0.0] * 50 + [1.0] * 50),
        "two_values_rare_one": ([0.0] * 195 + [1.0] * 5, [0.0] * 180 + [1.0] * 20),
        "three_values_new_in_window": ([1.0] * 40 + [2.0] * 60, [1.0] * 30 + [2.0] * 50 + [3.0] * 20),
        "window_between_baseline_values": ([0.0] * 50 + [10.0] * 50, [5.0] * 40),
        "disjoint": (np.arange(100.0), np.arange(100.0) + 1000),
        "disjoint_and_touching": (np.arange(0.0, 51.0), np.arange(50.0, 101.0)),
    }


def seeded_row_pairs():
    """Samples drawn from named distributions."""
    rng = np.random.default_rng(202)
    normal, pareto = rng.normal, lambda shape, size: rng.pareto(shape, size) + 1
    same = rounded(normal(10, 2, 300))
    zero_heavy = lambda zero_share, size: np.where(rng.random(size) < zero_share, 0, rng.exponential(20, size))
    return {
        "normal_no_drift": (rounded(normal(0, 1, 500)), rounded(normal(0, 1, 500))),
        "normal_shift": (rounded(normal(0, 1, 600)), rounded(normal(0.4, 1, 400))),
        "normal_small_shift": (rounded(normal(50, 5, 800)), rounded(normal(50.5, 5, 800))),
        "normal_scale": (rounded(normal(0, 1, 500)), rounded(normal(0, 1.6, 500))),
        "normal_full_precision": (normal(0, 1, 150), normal(0.1, 1.1, 130)),
        "same_rows_shuffled": (same, rng.permutation(same)),
        "same_rows_twice": (same, np.concatenate([same, same])),
        "heavy_tail_pareto": (rounded(pareto(1.2, 400)), rounded(pareto(1.0, 400))),
        "heavy_tail_cauchy": (rounded(rng.standard_cauchy(300)), rounded(rng.standard_cauchy(300) * 1.5)),
        "lognormal_money": (rounded(rng.lognormal(3, 1, 500), 2), rounded(rng.lognormal(3.1, 1.1, 450), 2)),
        "discrete_poisson": (rng.poisson(3, 900) + 0.0, rng.poisson(3.4, 700) + 0.0),
        "discrete_no_drift": (rng.integers(0, 20, 600) + 0.0, rng.integers(0, 20, 600) + 0.0),
        "large_offset_small_spread": (1e9 + normal(0, 1, 250), 1e9 + normal(0.3, 1, 250)),
        "large_offset_no_drift": (1e9 + normal(0, 1, 200), 1e9 + normal(0, 1, 200)),
        "negative": (rounded(-rng.exponential(5, 400)), rounded(-rng.exponential(7, 400))),
        "both_signs_nine_decades": (
            rounded(normal(0, 1, 200) * 10 ** rng.uniform(-3, 6, 200)),
            rounded(normal(0, 1, 200) * 10 ** rng.uniform(-3, 6, 200)),
        ),
        "tiny_scale": (normal(0, 1e-9, 100), normal(3e-10, 1e-9, 120)),
        "unequal_sizes_large_baseline": (rounded(rng.uniform(0, 1, 1500), 4), rounded(rng.uniform(0.1, 1, 30), 4)),
        "unequal_sizes_large_window": (rounded(rng.uniform(0, 1, 20), 4), rounded(rng.uniform(0, 1, 1500), 4)),
        "zero_heavy": (rounded(zero_heavy(0.7, 700), 2), rounded(zero_heavy(0.6, 700), 2)),
        "zero_heavy_half_the_deciles": (rounded(zero_heavy(0.45, 400), 2), rounded(zero_heavy(0.45, 500), 2)),
        "scores": (rounded(rng.beta(2, 8, 600), 4), rounded(rng.beta(2, 6, 600), 4)),
        "two_peaks_change_weight": (
            rounded(np.concatenate([normal(-5, 1, 300), normal(5, 1, 100)]), 2),
            rounded(np.concatenate([normal(-5, 1, 200), normal(5, 1, 200)]), 2),
        ),
        "seconds_since_1970": (
            1.7e9 + rng.integers(0, 86_400, 300),
            1.7e9 + 3_600 + rng.integers(0, 86_400, 300),
        ),
    }


def drift_rows():
    """Numeric samples as raw rows."""
    pairs = tiny_row_pairs() | degenerate_row_pairs() | seeded_row_pairs()
    cases = []
    for name, (baseline, window) in pairs.items():
        baseline, window = np.asarray(baseline, float), np.asarray(window, float)
        cases.append({
            "name": name,
            "baseline": baseline.tolist(),
            "window": window.tolist(),
            "expected": row_drift(baseline, window),
        })
    return cases


# ---------------------------------------------------------------------------------------------
# drift_large.json: samples that a test makes again instead of reading them
# ---------------------------------------------------------------------------------------------


def splitmix64(seed, draws):
    """The first `draws` outputs of SplitMix64; arithmetic is modulo 2^64."""
    state = np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15) * np.arange(1, draws + 1, dtype=np.uint64)
    z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniforms(seed, rows, per_row):
    """`per_row` columns of uniform numbers in [0, 1); a row takes its draws one after another."""
    bits = splitmix64(seed, rows * per_row) >> np.uint64(11)
    return (bits.astype(np.float64) * 2.0**-53).reshape(rows, per_row).T


def near_normal(u, mean, spread):
    """Twelve uniforms less six: mean 0, variance 1. Added from left to right."""
    total = u[0]
    for column in u[1:]:
        total = total + column
    return mean + spread * (total - 6.0)


# kind: (draws per row, value of a row from its draws u[0], u[1], ... and the parameters).
# Only + - * / sqrt, min, floor and <, which IEEE 754 rounds the same everywhere; never fused.
KINDS = {
    "uniform": (1, lambda u, low, high: low + (high - low) * u[0]),
    "near_normal": (12, near_normal),
    "light_pareto": (1, lambda u, scale: scale / np.sqrt(1.0 - u[0])),
    "pareto": (1, lambda u, scale: scale / (1.0 - u[0])),
    "wide_pareto": (1, lambda u, scale: scale / ((1.0 - u[0]) * (1.0 - u[0]))),
    "squared": (1, lambda u: u[0] * u[0]),
    "root": (1, lambda u: np.sqrt(u[0])),
    "smaller_of_two": (2, lambda u: np.minimum(u[0], u[1])),
    "discrete": (1, lambda u, levels: np.floor(u[0] * levels)),
    "zero_heavy": (2, lambda u, zero_share, scale: np.where(u[0] < zero_share, 0.0, scale * u[1])),
}


def generated(kind, seed, rows, **parameters):
    """The rows that a generator describes."""
    per_row, value = KINDS[kind]
    return value(uniforms(seed, rows, per_row), **parameters)


def large_profile(values):
    """What a sketch of the sample is compared with. `head` tells whether the generator is right."""
    quantiles = np.quantile(values, LARGE_QUANTILES, method="inverted_cdf")
    return {
        "head": values[:3].tolist(),
        "count": len(values),
        "avg": float(np.mean(values)),
        "stddev": float(np.std(values, ddof=1)),
        "min": float(values.min()),
        "max": float(values.max()),
        "distinct_count": len(np.unique(values)),
        "quantiles": [[q, float(value)] for q, value in zip(LARGE_QUANTILES, quantiles)],
    }


def drift_large():
    """Generated samples of 20,000 to 50,000 rows a side, with and without drift."""

    def spec(kind, seed, rows, **parameters):
        return {"kind": kind, "seed": seed, "rows": rows} | parameters

    pairs = {
        "normal_no_drift": (
            spec("near_normal", 1, 30_000, mean=0.0, spread=1.0),
            spec("near_normal", 2, 30_000, mean=0.0, spread=1.0),
        ),
        "normal_small_shift": (
            spec("near_normal", 3, 50_000, mean=0.0, spread=1.0),
            spec("near_normal", 4, 40_000, mean=0.03, spread=1.0),
        ),
        "normal_shift": (
            spec("near_normal", 5, 40_000, mean=0.0, spread=1.0),
            spec("near_normal", 6, 20_000, mean=0.5, spread=1.0),
        ),
        "normal_scale": (
            spec("near_normal", 7, 20_000, mean=-3.0, spread=1.0),
            spec("near_normal", 8, 20_000, mean=-3.0, spread=1.3),
        ),
        "offset_million_no_drift": (
            spec("near_normal", 9, 25_000, mean=1e6, spread=1.0),
            spec("near_normal", 10, 25_000, mean=1e6, spread=1.0),
        ),
        "offset_million_shift": (
            spec("near_normal", 11, 30_000, mean=1e6, spread=1.0),
            spec("near_normal", 12, 20_000, mean=1_000_000.1, spread=1.0),
        ),
        "uniform_both_signs_widens": (
            spec("uniform", 13, 20_000, low=-5.0, high=5.0),
            spec("uniform", 14, 20_000, low=-5.0, high=5.5),
        ),
        "light_pareto_no_drift": (
            spec("light_pareto", 15, 30_000, scale=10.0),
            spec("light_pareto", 16, 20_000, scale=10.0),
        ),
        "pareto_scale": (
            spec("pareto", 17, 40_000, scale=1.0),
            spec("pareto", 18, 40_000, scale=1.1),
        ),
        "wide_pareto_no_drift": (
            spec("wide_pareto", 19, 50_000, scale=0.01),
            spec("wide_pareto", 20, 50_000, scale=0.01),
        ),
        "wide_pareto_scale": (
            spec("wide_pareto", 21, 20_000, scale=0.01),
            spec("wide_pareto", 22, 30_000, scale=0.02),
        ),
        "scores_no_drift": (
            spec("squared", 23, 50_000),
            spec("squared", 24, 20_000),
        ),
        "scores_other_shape": (
            spec("squared", 25, 20_000),
            spec("smaller_of_two", 26, 20_000),
        ),
        "scores_opposite": (
            spec("squared", 27, 20_000),
            spec("root", 28, 20_000),
        ),
        "discrete_no_drift": (
            spec("discrete", 29, 30_000, levels=50.0),
            spec("discrete", 30, 30_000, levels=50.0),
        ),
        "discrete_levels_vanish": (
            spec("discrete", 31, 30_000, levels=50.0),
            spec("discrete", 32, 20_000, levels=47.0),
        ),
        "zero_heavy_more_zeros": (
            spec("zero_heavy", 33, 40_000, zero_share=0.6, scale=250.0),
            spec("zero_heavy", 34, 20_000, zero_share=0.65, scale=250.0),
        ),
    }
    cases = []
    for name, (baseline_spec, window_spec) in pairs.items():
        baseline, window = generated(**baseline_spec), generated(**window_spec)
        cases.append({
            "name": name,
            "baseline": baseline_spec,
            "window": window_spec,
            "baseline_profile": large_profile(baseline),
            "window_profile": large_profile(window),
            "expected": row_drift(baseline, window),
        })
    return cases


# ---------------------------------------------------------------------------------------------
# profile_numeric.json
# ---------------------------------------------------------------------------------------------


def numeric_profile(rows):
    """Counts over all rows; moments and quantiles over finite values only."""
    values = np.array([row for row in rows if row is not None], dtype=np.float64)
    finite = values[np.isfinite(values)]
    some = finite.size > 0
    return {
        "row_count": len(rows),
        "count": values.size,
        "num_nulls": len(rows) - values.size,
        "num_nan": int(np.isnan(values).sum()),
        "num_infinite": int(np.isinf(values).sum()),
        "num_zeros": int((values == 0).sum()),
        "num_negative": int((values < 0).sum()),
        "avg": float(np.mean(finite)) if some else None,
        "stddev": float(np.std(finite, ddof=1)) if finite.size > 1 else None,
        "min": float(finite.min()) if some else None,
        "max": float(finite.max()) if some else None,
        "median": float(np.median(finite)) if some else None,
        "quantiles": np.quantile(finite, TENTHS, method="linear").tolist() if some else None,
        "distinct_count": len(np.unique(values, equal_nan=True)),
    }


def with_holes(rng, values):
    """`values` with nulls, NaN and infinities scattered among them."""
    holes = rng.choice([0, 1, 2, 3, 4], size=len(values), p=[0.85, 0.08, 0.04, 0.02, 0.01])
    special = [None, None, np.nan, np.inf, -np.inf]
    return [float(v) if hole == 0 else special[hole] for v, hole in zip(values, holes)]


def profile_numeric():
    """Columns of raw values, most of them awkward."""
    rng = np.random.default_rng(404)
    nan, inf = np.nan, np.inf
    columns = {
        # Nothing to average.
        "empty": [],
        "all_null": [None] * 4,
        "all_nan": [nan] * 3,
        "only_infinities": [inf, -inf, inf],
        "null_nan_and_infinity_only": [None, nan, -inf],
        # One value.
        "single_row": [42.5],
        "single_row_zero": [0.0],
        "single_row_and_nulls": [None, -3.0, None],
        "single_finite_among_special": [nan, 7.0, inf, None],
        "two_rows": [1.0, 2.0],
        "two_rows_unsorted": [9.0, -9.0],
        # Plain.
        "one_to_ten": list(np.arange(1.0, 11.0)),
        "one_to_eleven": list(np.arange(1.0, 12.0)),
        "unsorted_with_ties": [3.0, 1.0, 2.0, 3.0, 1.0, 3.0, 2.0],
        "constant": [5.0] * 12,
        # A tenth is not a binary fraction: the variance must still be zero or next to it.
        "constant_tenth": [0.1] * 10,
        # Nulls and special values.
        "nulls": [1.0, None, 2.0, None, 3.0],
        "nan_is_a_value": [1.0, nan, 2.0, nan, 3.0],
        "infinities_are_values": [1.0, inf, 2.0, -inf, 3.0, inf],
        "everything": [None, nan, inf, -inf, 0.0, -0.0, 1.5, -1.5, 1.5, None, nan],
        # Zeros.
        "zeros": [0.0] * 6,
        "negative_zero_equals_zero": [0.0, -0.0, 0.0, -0.0],
        "negative_zero_is_not_negative": [-0.0, -1.0, 1.0],
        "zero_heavy": [0.0] * 15 + [3.5, 8.25, 12.0, 0.5, 100.0],
        # Signs and sizes.
        "negative": [-5.0, -4.0, -3.0, -2.5, -1.0],
        "cancelling": [1e15, 1.0, -1e15],
        "ten_decades": [1e-5, 1e-3, 0.1, 10.0, 1e3, 1e5],
        "smallest_subnormal": [5e-324, 0.0, 1.0],
        "integers_near_2_to_the_51": [2251799813685247.0, 2251799813685248.0, 2251799813685246.0],
        # Ill-conditioned: the textbook formula E[x^2] - E[x]^2 loses all digits here.
        "large_offset_textbook": [1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16],
        "large_offset_small_spread": (1e9 + rng.normal(0, 1, 60)).tolist(),
        "larger_offset_smaller_spread": (1e12 + rng.integers(0, 5, 40) / 4).tolist(),
        "one_outlier": rounded(rng.normal(0, 1, 40)).tolist() + [1e9],
        # Seeded.
        "normal": rounded(rng.normal(100, 15, 250)).tolist(),
        "normal_full_precision": rng.normal(0, 1, 101).tolist(),
        "normal_with_holes": with_holes(rng, rounded(rng.normal(0, 3, 200))),
        "lognormal_with_holes": with_holes(rng, rounded(rng.lognormal(2, 1.5, 150), 2)),
        "poisson": (rng.poisson(2, 150) + 0.0).tolist(),
    }
    return [
        {"name": name, "values": [spelled(row) for row in rows], "expected": numeric_profile(rows)}
        for name, rows in columns.items()
    ]


# ---------------------------------------------------------------------------------------------
# profile_text.json
# ---------------------------------------------------------------------------------------------


def text_profile(rows):
    """Counts and lengths; a length is a number of Unicode code points. Nothing is normalised."""
    values = [row for row in rows if row is not None]
    lengths = [len(value) for value in values]
    ranked = sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0]))
    return {
        "row_count": len(rows),
        "count": len(values),
        "num_nulls": len(rows) - len(values),
        "distinct_count": len(set(values)),
        "min_length": min(lengths, default=None),
        "max_length": max(lengths, default=None),
        "avg_length": float(np.mean(lengths)) if lengths else None,
        "frequent_items": [{"item": item, "count": count} for item, count in ranked],
    }


def profile_text():
    """Columns of strings. Python orders strings by code point, as the bytes of UTF-8 are ordered."""
    rng = np.random.default_rng(505)
    plans = rng.choice(["basic", "family", "premium", "student"], size=120, p=[0.5, 0.25, 0.15, 0.1])
    holes = rng.random(120) < 0.1
    many = [f"user-{number:03d}" for number in np.minimum(rng.integers(0, 150, 260), rng.integers(0, 150, 260))]
    columns = {
        "empty": [],
        "all_null": [None, None, None],
        "single": ["a"],
        "single_empty_string": [""],
        "empty_string_is_not_null": ["", None, "", "x"],
        "constant": ["yes"] * 9,
        "all_distinct": ["d", "b", "a", "c"],
        "ties_in_item_order": ["b", "a", "b", "a", "c", "c", "d"],
        "upper_before_lower": ["b", "B", "a", "A"],
        "digits_in_text_order": ["10", "9", "2", "10", "9", "1"],
        "spaces_and_breaks_count": [" ", "a", "a ", " a", "a\tb", "a\nb", "a"],
        "quotes_and_backslashes": ['say "x"', "back\\slash", "it's", 'say "x"'],
        "the_word_null": ["null", "NULL", None, "NaN", "", "null"],
        "accents_composed_and_decomposed": ["caf\u00e9", "cafe\u0301", "caf\u00e9", "cafe"],
        "greek_and_chinese": ["\u03b1\u03b2\u03b3", "\u6e56\u6c34", "\u6e56\u6c34", "\u03b1", "z"],
        "beyond_the_basic_plane": ["\U0001f41f", "\U0001f41f\U0001f41f", "\U0001f41f", "fish"],
        "joined_emoji_count_their_parts": ["\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1eb\U0001f1f7", "ok"],
        # U+FF5E before U+1F41F: UTF-16 would order them the other way round.
        "order_is_by_code_point": ["\U0001f41f", "\uff5e", "a"],
        "right_to_left": ["\u0645\u0627\u0621", "\u05de\u05d9\u05dd", "\u0645\u0627\u0621", None],
        "long_strings": ["x" * 300, "y" * 299, "x" * 300, ""],
        "plans_with_nulls": [None if hole else str(plan) for plan, hole in zip(plans, holes)],
        "more_than_a_hundred_items": many,
    }
    return [{"name": name, "values": rows, "expected": text_profile(rows)} for name, rows in columns.items()]


# ---------------------------------------------------------------------------------------------
# quality_classification.json
# ---------------------------------------------------------------------------------------------


def confusion_matrix(prediction, label, classes):
    """Cells that occur, by prediction and then label. scikit-learn has labels as rows."""
    table = metrics.confusion_matrix(label, prediction, labels=classes)
    return [
        {"prediction": predicted, "label": actual, "count": int(table[j, i])}
        for i, predicted in enumerate(classes)
        for j, actual in enumerate(classes)
        if table[j, i] > 0
    ]


def averaged(score, prediction, label, classes):
    """One of precision, recall and F1: per class, their plain mean, their mean by label count."""

    def call(average):
        return score(label, prediction, labels=classes, average=average, zero_division=0)

    return {
        "one_vs_all": dict(zip(classes, call(None).tolist())),
        "macro": float(call("macro")),
        "weighted": float(call("weighted")),
    }


def calibration_bins(score):
    """The bin of each row: an edge belongs to the bin below it, as in scikit-learn's calibration curve."""
    return np.searchsorted(np.linspace(0, 1, 11)[1:-1], score)


def expected_calibration_error(is_positive, score):
    """Distance of both curves, weighted by the rows of each bin that has some."""
    truth, said = calibration_curve(is_positive.astype(int), score, n_bins=10, strategy="uniform")
    rows = np.bincount(calibration_bins(score), minlength=10)
    return float(np.sum(rows[rows > 0] / len(score) * np.abs(truth - said)))


def score_quality(label, score, positive_class):
    """What the score of the positive class adds. Null where the labels leave it undefined."""
    is_positive = np.array(label) == positive_class
    both_classes = is_positive.any() and not is_positive.all()
    return {
        "log_loss": metrics.log_loss(is_positive, score, labels=[False, True]),
        "roc_auc_score": float(metrics.roc_auc_score(is_positive, score)) if both_classes else None,
        "brier_score_loss": float(metrics.brier_score_loss(is_positive, score, pos_label=True, labels=[False, True])),
        "expected_calibration_error": expected_calibration_error(is_positive, score),
        "average_precision_score": (
            float(metrics.average_precision_score(is_positive, score)) if is_positive.any() else None
        ),
    }


def balanced_accuracy_score(prediction, label):
    """It warns of classes that only predictions have, and leaves them out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return float(metrics.balanced_accuracy_score(label, prediction))


def cohen_kappa_score(prediction, label):
    """None where both are of one class."""
    if len(set(prediction) | set(label)) < 2:
        return None
    return float(metrics.cohen_kappa_score(prediction, label))


NO_SCORE_QUALITY = dict.fromkeys(
    ["log_loss", "roc_auc_score", "brier_score_loss", "expected_calibration_error", "average_precision_score"]
)


# Confidence intervals: of rows, never of counts. Those that cannot be are left out.

Z = stats.norm.ppf(0.975)


def normal_interval(value, standard_error, least, greatest):
    """Both sides of a value, cut to what the measure can be."""
    ends = np.clip([value - Z * standard_error, value + Z * standard_error], least, greatest)
    return ends.tolist()


def mean_interval(values, least=0.0, greatest=np.inf):
    """Of a mean of row by row losses."""
    return normal_interval(np.mean(values), np.std(values, ddof=1) / np.sqrt(len(values)), least, greatest)


def wilson_interval(part, whole):
    """Of a share of rows."""
    interval = stats.binomtest(int(part), int(whole)).proportion_ci(0.95, method="wilson")
    return [float(interval.low), float(interval.high)]


def jackknife(measure, prediction, label):
    """Standard error by leaving out one row after the other; None where the measure then has no value."""
    known = {}
    for row, pair in enumerate(zip(prediction, label)):
        if pair not in known:  # Rows that are alike leave the same rows.
            known[pair] = measure(list(np.delete(prediction, row)), list(np.delete(label, row)))
    if None in known.values():
        return None
    values = np.array([known[pair] for pair in zip(prediction, label)])
    return np.sqrt((len(values) - 1) / len(values) * np.sum((values - values.mean()) ** 2))


def mean_of_classes(score, average):
    """Precision, recall or F1 of the classes that are there, as one number."""

    def call(prediction, label):
        classes = sorted(set(prediction) | set(label))
        return float(score(label, prediction, labels=classes, average=average, zero_division=0))

    return call


def f1_of_class(one):
    """F1 of one class alone."""
    return lambda prediction, label: float(
        metrics.f1_score(label, prediction, labels=[one], average=None, zero_division=0)[0]
    )


def class_intervals(prediction, label, classes):
    """Of measures of predicted classes."""
    prediction, label = np.array(prediction), np.array(label)
    found = {"accuracy_score": wilson_interval((prediction == label).sum(), len(label))}
    scores = {"precision": metrics.precision_score, "recall": metrics.recall_score, "f1_score": metrics.f1_score}
    measures = {
        f"{name}.{average}": (mean_of_classes(score, average), 0.0)
        for name, score in scores.items()
        for average in ["macro", "weighted"]
    }
    measures |= {f"f1_score.one_vs_all.{one}": (f1_of_class(one), 0.0) for one in classes}
    measures["balanced_accuracy_score"] = (balanced_accuracy_score, 0.0)
    measures["matthews_corrcoef"] = (lambda p, y: float(metrics.matthews_corrcoef(y, p)), -1.0)
    measures["cohen_kappa_score"] = (cohen_kappa_score, -1.0)
    for name, (measure, least) in measures.items() if len(label) > 1 else []:
        value, error = measure(list(prediction), list(label)), jackknife(measure, prediction, label)
        if value is not None and error is not None:
            found[name] = normal_interval(value, error, least, 1.0)
    for one in classes:
        hits = ((prediction == one) & (label == one)).sum()
        for name, rows in [("precision", prediction == one), ("recall", label == one)]:
            if rows.any():
                found[f"{name}.one_vs_all.{one}"] = wilson_interval(hits, rows.sum())
    return found


def delong_error(is_positive, score):
    """Of the area under the ROC curve, by comparing each positive with each other row."""
    wins = score[is_positive][:, None] - score[~is_positive][None, :]
    wins = np.where(wins > 0, 1.0, np.where(wins == 0, 0.5, 0.0))
    return np.sqrt(sum(np.var(wins.mean(axis=1 - side), ddof=1) / wins.shape[side] for side in (0, 1)))


def score_intervals(label, score, positive_class):
    """Of measures of scores."""
    is_positive = np.array(label) == positive_class
    if len(score) < 2:
        return {}
    error = is_positive - score
    epsilon = np.finfo(np.float64).eps
    losses = -np.log(np.clip(np.where(is_positive, score, 1 - score), epsilon, 1 - epsilon))
    bins = calibration_bins(score)
    # The calibration error as a mean over rows: each has the sign of its bin.
    signs = np.where(np.bincount(bins, error, minlength=10) >= 0, 1, -1)[bins]
    found = {
        "log_loss": mean_interval(losses),
        "brier_score_loss": mean_interval(error**2, greatest=1.0),
        "expected_calibration_error": mean_interval(signs * error, greatest=1.0),
    }
    if min(is_positive.sum(), (~is_positive).sum()) > 1:
        area = metrics.roc_auc_score(is_positive, score)
        interval = normal_interval(area, delong_error(is_positive, score), 0.0, 1.0)
        found |= {"roc_auc_score.macro": interval, "roc_auc_score.weighted": interval}
    precision = metrics.average_precision_score(is_positive, score) if is_positive.any() else 0
    if 0 < precision < 1:
        reach = Z / np.sqrt(is_positive.sum() * precision * (1 - precision))
        ends = special.expit(special.logit(precision) + np.array([-reach, reach]))
        found["average_precision_score"] = ends.tolist()
    return found


def classification_case(name, prediction, label, score=None, positive_class=None):
    """One case; the classes are those that occur among predictions or labels."""
    prediction, label = [str(p) for p in prediction], [str(y) for y in label]
    classes = sorted(set(prediction) | set(label))
    expected = {
        "accuracy_score": float(metrics.accuracy_score(label, prediction)),
        "confusion_matrix": confusion_matrix(prediction, label, classes),
        "precision": averaged(metrics.precision_score, prediction, label, classes),
        "recall": averaged(metrics.recall_score, prediction, label, classes),
        "f1_score": averaged(metrics.f1_score, prediction, label, classes),
        "balanced_accuracy_score": balanced_accuracy_score(prediction, label),
        "matthews_corrcoef": float(metrics.matthews_corrcoef(label, prediction)),
        "cohen_kappa_score": cohen_kappa_score(prediction, label),
    }
    if score is not None:
        score = np.asarray(score, dtype=np.float64)
        expected |= score_quality(label, score, positive_class)
    else:
        expected |= NO_SCORE_QUALITY
    intervals = class_intervals(prediction, label, classes)
    if score is not None:
        intervals |= score_intervals(label, score, positive_class)
    expected["confidence_intervals"] = dict(sorted(intervals.items()))
    return {
        "name": name,
        "prediction": prediction,
        "label": label,
        "positive_class": positive_class,
        "score": None if score is None else score.tolist(),
        "expected": expected,
    }


def scored(name, label, score, positive="1", negative="0", threshold=0.5):
    """A binary case whose prediction follows from the score."""
    prediction = [positive if s >= threshold else negative for s in score]
    return classification_case(name, prediction, label, score, positive)


def small_classification_cases():
    """Cases that can be counted by hand."""
    return [
        classification_case("binary_by_hand", list("1101000110"), list("1001010111")),
        classification_case("perfect", list("abcabc"), list("abcabc")),
        classification_case("all_wrong_two_classes", list("1010"), list("0101")),
        classification_case("all_wrong_three_classes", list("bcabca"), list("abcabc")),
        classification_case("single_row_right", ["a"], ["a"]),
        classification_case("single_row_wrong", ["a"], ["b"]),
        classification_case("one_class_everywhere", list("aaaa"), list("aaaa")),
        classification_case("one_class_predicted", list("aaaaaa"), list("aabbcc")),
        classification_case("one_class_in_labels", list("abcab"), list("aaaaa")),
        classification_case("predicted_class_without_labels", list("abzab"), list("abaab")),
        classification_case("no_class_in_common", list("aabb"), list("ccdd")),
        classification_case("classes_in_text_order", ["10", "9", "2", "9", "10"], ["10", "2", "2", "9", "9"]),
        classification_case("unicode_classes", ["\u00e9t\u00e9", "hiver", "\u590f"], ["hiver", "\u590f", "\u590f"]),
    ]


def small_score_cases():
    """Scores at the edges of their range, tied scores, labels of one class only."""
    return [
        scored("score_by_hand", list("0011"), [0.1, 0.4, 0.35, 0.8]),
        scored("score_perfect_order", list("000111"), [0.1, 0.2, 0.3, 0.7, 0.8, 0.9]),
        scored("score_reversed_order", list("111000"), [0.1, 0.2, 0.3, 0.7, 0.8, 0.9]),
        scored("score_constant", list("010011"), [0.5] * 6),
        scored("score_tied_across_classes", list("0101100101"), [0.2, 0.2, 0.4, 0.4, 0.4, 0.6, 0.6, 0.6, 0.8, 0.8]),
        scored("score_0_and_1_all_right", list("0110"), [0.0, 1.0, 1.0, 0.0]),
        scored("score_0_and_1_all_wrong", list("0110"), [1.0, 0.0, 0.0, 1.0]),
        scored("score_0_and_1_some_wrong", list("01101"), [0.0, 1.0, 0.0, 0.25, 0.75]),
        scored("score_below_and_above_the_clip", list("1101"), [1e-20, 1e-15, 1.0 - 2.0**-53, 1e-300]),
        scored("score_labels_all_positive", list("1111"), [0.9, 0.4, 0.7, 1.0]),
        scored("score_labels_all_negative", list("0000"), [0.1, 0.6, 0.3, 0.0]),
        scored("score_single_row", ["1"], [0.7]),
        # The positive class need not come last in text order.
        scored("positive_class_first_in_text_order", ["churned", "stayed", "stayed", "churned", "stayed"],
               [0.8, 0.3, 0.55, 0.45, 0.1], positive="churned", negative="stayed"),
        # Nor need the prediction be the score against one half.
        scored("threshold_other_than_half", list("0010110100"),
               [0.1, 0.2, 0.35, 0.25, 0.6, 0.45, 0.3, 0.31, 0.05, 0.15], threshold=0.3),
        # Measures of scores look at the labels alone, whatever else is predicted.
        classification_case("score_beside_a_class_only_predicted", list("0121"), list("0110"),
                            [0.2, 0.9, 0.4, 0.6], "1"),
        classification_case("score_beside_predictions_of_other_names", ["no", "yes", "no"], list("011"),
                            [0.3, 0.8, 0.2], "1"),
    ]


def seeded_binary(rng, rows, positive_share, separation, decimals):
    """Labels, and scores that know something about them."""
    truth = rng.random(rows) < positive_share
    logit = rng.normal(0, 1, rows) + separation * truth + np.log(positive_share / (1 - positive_share))
    return truth, rounded(1 / (1 + np.exp(-logit)), decimals)


def seeded_classification_cases():
    """Hundreds of rows: balanced, imbalanced, three and five classes."""
    rng = np.random.default_rng(606)
    cases = []
    for name, rows, share, separation, decimals in [
        ("seeded_binary_balanced", 400, 0.5, 1.5, 6),
        ("seeded_binary_no_skill", 300, 0.5, 0.0, 6),
        ("seeded_binary_imbalanced", 500, 0.03, 2.5, 6),
        ("seeded_binary_many_tied_scores", 400, 0.3, 1.0, 1),
    ]:
        truth, score = seeded_binary(rng, rows, share, separation, decimals)
        cases.append(scored(name, ["yes" if t else "no" for t in truth], score, "yes", "no"))
    for name, rows, classes, weights, skill in [
        ("seeded_three_classes", 300, ["high", "low", "mid"], [0.2, 0.5, 0.3], 0.6),
        ("seeded_five_classes", 400, list("ABCDE"), [0.2] * 5, 0.5),
        ("seeded_five_classes_imbalanced", 500, list("ABCDE"), [0.9, 0.05, 0.03, 0.015, 0.005], 0.7),
    ]:
        label = rng.choice(classes, rows, p=weights)
        prediction = np.where(rng.random(rows) < skill, label, rng.choice(classes, rows))
        cases.append(classification_case(name, prediction, label))
    return cases


def quality_classification():
    """Predictions with labels and, for binary cases, scores."""
    return small_classification_cases() + small_score_cases() + seeded_classification_cases()


# ---------------------------------------------------------------------------------------------
# quality_fairness.json
# ---------------------------------------------------------------------------------------------


def rates_of_labels(prediction, label, classes):
    """Precision, false positive rate and recall of each class, NaN where a rate is 0 / 0."""
    keywords = {"labels": classes, "average": None, "zero_division": np.nan}
    tables = metrics.multilabel_confusion_matrix(label, prediction, labels=classes)
    negatives = tables[:, 0, :].sum(axis=1)
    return {
        "predictive_parity": metrics.precision_score(label, prediction, **keywords),
        "predictive_equality": np.where(negatives > 0, tables[:, 0, 1] / np.maximum(negatives, 1), np.nan),
        "equal_opportunity": metrics.recall_score(label, prediction, **keywords),
    }


def differences(protected, unprotected, classes):
    """Protected minus unprotected by class, null where one of the two is undefined."""
    return dict(zip(classes, map(number_or_null, np.asarray(protected) - np.asarray(unprotected))))


def fairness_case(name, prediction, label, protected):
    """One case. A label is null while it is awaited, and `protected` is null of rows that are in neither group."""
    prediction, label = np.array(prediction, dtype=object), np.array(label, dtype=object)
    groups = [np.array([side is of for side in protected], dtype=bool) for of in (True, False)]
    labelled = [group & (label != None) for group in groups]  # noqa: E711: of every row
    expected = dict.fromkeys(
        ["predictive_parity", "predictive_equality", "equal_opportunity", "statistical_parity"]
    )
    if all(rows.any() for rows in labelled):
        of_either = labelled[0] | labelled[1]
        classes = sorted(set(prediction[of_either]) | set(label[of_either]))
        rates = [rates_of_labels(list(prediction[rows]), list(label[rows]), classes) for rows in labelled]
        expected |= {measure: differences(*(rate[measure] for rate in rates), classes) for measure in rates[0]}
    if all(rows.any() for rows in groups):
        classes = sorted(set(prediction[groups[0] | groups[1]]))
        shares = [[np.mean(prediction[rows] == one) for one in classes] for rows in groups]
        expected["statistical_parity"] = differences(*shares, classes)
    return {
        "name": name,
        "prediction": prediction.tolist(),
        "label": label.tolist(),
        "protected": list(protected),
        "expected": expected,
    }


def small_fairness_cases():
    """Cases that can be counted by hand."""
    sides = {"p": True, "u": False, "?": None}

    def case(name, prediction, label, groups):
        awaited = [None if one == "." else one for one in label]
        return fairness_case(name, list(prediction), awaited, [sides[side] for side in groups])

    return [
        case("by_hand", "1100110010", "1010100110", "pppppuuuuu"),
        case("both_alike", "10101010", "11001100", "ppppuuuu"),
        case("perfect_for_one_group", "10100101", "10101010", "ppppuuuu"),
        case("opposite_predictions", "11110000", "11001100", "ppppuuuu"),
        case("protected_only", "1010", "1001", "pppp"),
        case("unprotected_only", "1010", "1001", "uuuu"),
        case("rows_of_neither_group", "1100110010", "1010100110", "pp?pp?uuuu"),
        case("some_labels_awaited", "1100110010", "1.10..0110", "pppppuuuuu"),
        case("no_label_in_one_group", "1100110010", "101010....", "ppppppuuuu"),
        case("no_label_at_all", "1100", "....", "ppuu"),
        case("class_never_predicted_in_one_group", "0000010010", "1010100110", "pppppuuuuu"),
        case("class_without_labels_in_one_group", "1100110010", "0000000110", "pppppuuuuu"),
        case("one_class_everywhere", "1111", "1111", "ppuu"),
        case("three_classes", "abcabcabcabc", "abcacbbacabc", "ppppppuuuuuu"),
        case("a_class_of_each_group_alone", "aabbccbb", "aabbbbcc", "ppppuuuu"),
        case("predicted_class_of_unlabelled_rows_alone", "ab9aab9a", "ab.aab.b", "ppppuuuu"),
    ]


def seeded_fairness_cases():
    """Hundreds of rows, of models that treat the groups alike or not."""
    rng = np.random.default_rng(808)
    cases = []
    for name, rows, classes, share, skills, labelled in [
        ("seeded_alike", 400, ["0", "1"], 0.5, (0.8, 0.8), 1.0),
        ("seeded_worse_for_the_protected", 400, ["0", "1"], 0.3, (0.6, 0.9), 1.0),
        ("seeded_small_protected_group", 500, ["0", "1"], 0.02, (0.5, 0.9), 1.0),
        ("seeded_labels_awaited", 400, ["no", "yes"], 0.4, (0.7, 0.8), 0.4),
        ("seeded_five_classes", 400, list("ABCDE"), 0.4, (0.5, 0.8), 0.8),
    ]:
        protected = rng.random(rows) < share
        truth = rng.choice(classes, rows)
        skill = np.where(protected, *skills)
        prediction = np.where(rng.random(rows) < skill, truth, rng.choice(classes, rows))
        label = [str(one) if known else None for one, known in zip(truth, rng.random(rows) < labelled)]
        cases.append(fairness_case(name, [str(one) for one in prediction], label, protected.tolist()))
    return cases


def quality_fairness():
    """Predictions of two groups of rows, with labels that may be awaited."""
    return small_fairness_cases() + seeded_fairness_cases()


# ---------------------------------------------------------------------------------------------
# quality_estimated.json
# ---------------------------------------------------------------------------------------------


def expected_quality(chance, said, score):
    """Each row twice: as the positive class with its chance as weight, and as the other with what is left."""
    label = np.repeat([1, 0], len(chance))
    weight, said, score = np.concatenate([chance, 1 - chance]), np.tile(said, 2), np.tile(score, 2)
    keywords = {"sample_weight": weight, "zero_division": 0}
    undefined = min(chance.sum(), (1 - chance).sum()) == 0
    return {
        "estimated_accuracy_score": float(metrics.accuracy_score(label, said, sample_weight=weight)),
        "estimated_precision": float(metrics.precision_score(label, said, **keywords)),
        "estimated_recall": float(metrics.recall_score(label, said, **keywords)),
        "estimated_specificity": float(metrics.recall_score(label, said, pos_label=0, **keywords)),
        "estimated_f1_score": float(metrics.f1_score(label, said, **keywords)),
        "estimated_roc_auc_score": (
            None if undefined else float(metrics.roc_auc_score(label, score, sample_weight=weight))
        ),
        "estimated_average_precision_score": (
            None if chance.sum() == 0 else float(metrics.average_precision_score(label, score, sample_weight=weight))
        ),
    }


def sampling_errors(label, said, score, rows):
    """Deviation of what each concerned row of the reference contributes, for a window of so many rows."""

    def error(contributions):
        concerned = rows * len(contributions) / len(label)
        return float(np.std(contributions) / np.sqrt(concerned)) if len(contributions) else None

    hit, miss, alarm = label & said, label & ~said, ~label & said
    of_f1 = hit[hit | miss | alarm] / (hit.sum() + (miss.sum() + alarm.sum()) / 2) * (hit | miss | alarm).sum()
    rare, sign = (label, 1) if label.mean() <= 0.5 else (~label, -1)
    wins = sign * (score[rare][:, None] - score[~rare][None, :])
    precision = metrics.average_precision_score(label, score)
    found = {
        "estimated_accuracy_score": error(label == said),
        "estimated_precision": error(label[said]),
        "estimated_recall": error(said[label]),
        "estimated_specificity": error(~said[~label]),
        "estimated_f1_score": error(of_f1),
        "estimated_roc_auc_score": error(np.where(wins > 0, 1.0, np.where(wins == 0, 0.5, 0.0)).mean(axis=1)),
        "estimated_average_precision_score": float(np.sqrt(precision * (1 - precision) / (rows * label.mean()))),
    }
    return {name: value for name, value in found.items() if value is not None}


def estimated_case(name, reference, window):
    """Sides are (score, whether the positive class is predicted); the reference knows labels, too."""
    score, said, label = (np.asarray(column) for column in reference)
    said, label = said.astype(bool), label.astype(bool)
    of_window, said_of_window = np.asarray(window[0], float), np.asarray(window[1]).astype(bool)
    calibrator = IsotonicRegression(out_of_bounds="clip").fit(score, label)
    chance = calibrator.predict(of_window)
    errors = sampling_errors(label, said, score, len(of_window))
    return {
        "name": name,
        "reference": {"score": score.tolist(), "said": said.tolist(), "label": label.tolist()},
        "window": {"score": of_window.tolist(), "said": said_of_window.tolist()},
        "expected": expected_quality(chance, said_of_window, of_window) | {"sampling_errors": errors},
    }


def quality_estimated():
    """Labelled references, and windows whose labels nobody knows."""
    rng = np.random.default_rng(909)

    def side(rows, share=0.4, separation=1.5, decimals=4, threshold=0.5, honest=1.0):
        truth, score = seeded_binary(rng, rows, share, separation, 12)
        # Not what comes true: too sure of itself, or not sure enough.
        score = np.round(score**honest / (score**honest + (1 - score) ** honest), decimals)
        return score, score >= threshold, truth

    hand = ([0.1, 0.4, 0.35, 0.8, 0.35, 0.6], [0, 0, 0, 1, 0, 1], [0, 1, 0, 1, 1, 0])
    separated = ([0.1, 0.2, 0.3, 0.7, 0.8, 0.9], [0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1])
    return [
        estimated_case("by_hand", hand, ([0.2, 0.5, 0.9, 0.35], [0, 1, 1, 0])),
        estimated_case("scores_beyond_the_reference", hand, ([0.0, 0.05, 0.95, 1.0], [0, 0, 1, 1])),
        estimated_case("nothing_is_predicted_positive", hand, ([0.1, 0.2, 0.4], [0, 0, 0])),
        estimated_case("everything_is_predicted_positive", hand, ([0.4, 0.6, 0.9], [1, 1, 1])),
        estimated_case("one_row", hand, ([0.5], [1])),
        estimated_case("reference_that_is_always_right", separated, ([0.15, 0.5, 0.65, 0.95], [0, 1, 1, 1])),
        estimated_case("all_are_expected_positive", separated, ([0.8, 0.95], [1, 1])),
        estimated_case("none_is_expected_positive", separated, ([0.1, 0.25], [0, 0])),
        estimated_case("seeded", side(400), side(300)[:2]),
        estimated_case("seeded_same_rows", (same := side(300)), same[:2]),
        estimated_case("seeded_too_sure", side(400, honest=3.0), side(300, honest=3.0)[:2]),
        estimated_case("seeded_not_sure_enough", side(400, honest=0.3), side(300, honest=0.3)[:2]),
        estimated_case("seeded_mostly_positive", side(400, share=0.8), side(300, share=0.7)[:2]),
        estimated_case("seeded_rare_positive", side(500, share=0.04), side(300, share=0.04)[:2]),
        estimated_case("seeded_many_tied_scores", side(400, decimals=1), side(300, decimals=1)[:2]),
        estimated_case("seeded_no_skill", side(300, separation=0.0), side(200, separation=0.0)[:2]),
        estimated_case("seeded_low_threshold", side(300, threshold=0.2), side(200, threshold=0.2)[:2]),
        estimated_case("seeded_threshold_changes", side(300, threshold=0.5), side(200, threshold=0.3)[:2]),
    ]


# ---------------------------------------------------------------------------------------------
# quality_every_class.json
# ---------------------------------------------------------------------------------------------


def one_vs_all(label, probabilities, classes):
    """Of each class that labels are of: who is of it, and its probabilities."""
    label = np.array(label)
    return {one: (label == one, probabilities[:, place]) for place, one in enumerate(classes) if one in label}


def top_k_accuracy_score(label, probabilities, classes, k):
    """It warns where there are no more classes than k, where every label is among them."""
    if k >= len(classes):
        return 1.0
    return float(metrics.top_k_accuracy_score(label, probabilities, k=k, labels=classes))


def every_class_quality(prediction, label, probabilities, classes):
    """What probabilities of every class add."""
    sides = one_vs_all(label, probabilities, classes)
    confidence = probabilities[np.arange(len(label)), [classes.index(one) for one in prediction]]
    right = np.array(prediction) == np.array(label)
    area = None
    if len(sides) > 1:
        by_class = {one: float(metrics.roc_auc_score(*side)) for one, side in sides.items()}
        rows = [is_positive.sum() for is_positive, _ in sides.values()]
        area = {
            "one_vs_all": by_class,
            "macro": float(np.mean(list(by_class.values()))),
            "weighted": float(np.average(list(by_class.values()), weights=rows)),
        }
        if len(sides) == len(classes) > 2:
            for average in ["macro", "weighted"]:
                whole = metrics.roc_auc_score(label, probabilities, multi_class="ovr", average=average, labels=classes)
                assert np.isclose(area[average], whole, rtol=1e-12)
    brier = metrics.brier_score_loss(label, probabilities, labels=classes, scale_by_half=False)
    return {
        "log_loss": float(metrics.log_loss(label, probabilities, labels=classes)),
        "brier_score_loss": float(brier),
        "expected_calibration_error": expected_calibration_error(right, confidence),
        "roc_auc_score": area,
        "average_precision_score": float(np.mean([metrics.average_precision_score(*side) for side in sides.values()])),
        "top_k_accuracy_score": {f"k{k}": top_k_accuracy_score(label, probabilities, classes, k) for k in (2, 3, 5)},
    }


def mean_of_ends(intervals, weights):
    """Of a mean over classes; None where a class has none."""
    if any(one is None for one in intervals):
        return None
    return np.average(np.array(intervals), axis=0, weights=weights).tolist()


def every_class_intervals(prediction, label, probabilities, classes):
    """Of what probabilities of every class add."""
    place = {one: index for index, one in enumerate(classes)}
    of_label = probabilities[np.arange(len(label)), [place[one] for one in label]]
    of_said = probabilities[np.arange(len(label)), [place[one] for one in prediction]]
    right = np.array(prediction) == np.array(label)
    found = {
        f"top_k_accuracy_score.k{k}": wilson_interval(
            round(top_k_accuracy_score(label, probabilities, classes, k) * len(label)), len(label)
        )
        for k in (2, 3, 5)
    }
    if len(label) > 1:
        epsilon = np.finfo(np.float64).eps
        truth = np.array([[one == other for other in classes] for one in label])
        squares = ((probabilities - truth) ** 2).sum(axis=1)
        bins = calibration_bins(of_said)
        error = right - of_said
        signs = np.where(np.bincount(bins, error, minlength=10) >= 0, 1, -1)[bins]
        found |= {
            "log_loss": mean_interval(-np.log(np.clip(of_label, epsilon, 1 - epsilon))),
            "brier_score_loss": mean_interval(squares, greatest=2.0),
            "expected_calibration_error": mean_interval(signs * error, greatest=1.0),
        }
    sides, areas, precisions = one_vs_all(label, probabilities, classes), {}, {}
    for one, (is_positive, score) in sides.items():
        areas[one] = precisions[one] = None
        if min(is_positive.sum(), (~is_positive).sum()) > 1:
            error = delong_error(is_positive, score)
            areas[one] = normal_interval(metrics.roc_auc_score(is_positive, score), error, 0.0, 1.0)
        precision = metrics.average_precision_score(is_positive, score)
        if 0 < precision < 1:
            reach = Z / np.sqrt(is_positive.sum() * precision * (1 - precision))
            precisions[one] = special.expit(special.logit(precision) + np.array([-reach, reach])).tolist()
    rows = [is_positive.sum() for is_positive, _ in sides.values()]
    found |= {f"roc_auc_score.one_vs_all.{one}": interval for one, interval in areas.items()}
    found |= {
        "roc_auc_score.macro": mean_of_ends(list(areas.values()), None),
        "roc_auc_score.weighted": mean_of_ends(list(areas.values()), rows),
        "average_precision_score": mean_of_ends(list(precisions.values()), None),
    }
    return {name: interval for name, interval in found.items() if interval is not None}


def every_class_estimate(reference, window, classes):
    """The mean over classes of what is expected of each against all others, but for the share predicted right."""
    (said, label, known), (said_of_window, scores) = reference, window
    said, label, said_of_window = np.array(said), np.array(label), np.array(said_of_window)
    estimates, errors, right = [], [], 0.0
    for place, one in enumerate(classes):
        calibrator = IsotonicRegression(out_of_bounds="clip").fit(known[:, place], label == one)
        chance, is_said = calibrator.predict(scores[:, place]), said_of_window == one
        right += chance[is_said].sum()
        # Of one that is neither predicted nor expected once nothing is told.
        if is_said.any() or chance.sum() >= 1:
            estimates.append(expected_quality(chance, is_said, scores[:, place]))
            errors.append(sampling_errors(label == one, said == one, known[:, place], len(scores)))
    expected = {name: float(np.mean([one[name] for one in estimates])) for name in estimates[0]}
    expected["estimated_accuracy_score"] = float(right / len(scores))
    expected["sampling_errors"] = {
        name: float(np.sqrt(np.sum([one[name] ** 2 for one in errors])) / len(errors)) for name in errors[0]
    }
    share = np.mean(said == label)
    expected["sampling_errors"]["estimated_accuracy_score"] = float(np.sqrt(share * (1 - share) / len(scores)))
    return expected


def every_class_case(name, label, probabilities, classes, prediction=None, window=None):
    """One case. What is predicted is the likeliest class, unless said; `window` has rows without labels."""
    probabilities = np.asarray(probabilities, dtype=np.float64)
    likeliest = lambda rows: [classes[place] for place in rows.argmax(axis=1)]  # noqa: E731
    prediction = list(prediction) if prediction is not None else likeliest(probabilities)
    label = [str(one) for one in label]
    estimate = None
    if window is not None:
        estimate = every_class_estimate(
            (prediction, label, probabilities), (likeliest(window), window), classes
        )
    return {
        "name": name,
        "classes": classes,
        "prediction": prediction,
        "label": label,
        "probabilities": probabilities.tolist(),
        "window": None if window is None else {"prediction": likeliest(window), "probabilities": window.tolist()},
        "expected": every_class_quality(prediction, label, probabilities, classes),
        "confidence_intervals": dict(
            sorted(every_class_intervals(prediction, label, probabilities, classes).items())
        ),
        "estimate": estimate,
    }


def quality_every_class():
    """Probabilities of every class, of labels that are there, and of windows whose labels nobody knows."""
    rng = np.random.default_rng(1010)

    def seeded(rows, classes, skill, decimals, weights=None):
        label = rng.choice(len(classes), rows, p=weights)
        logits = rng.normal(0, 1, (rows, len(classes))) + skill * np.eye(len(classes))[label]
        return label, softmaxed(logits, decimals)

    def softmaxed(logits, decimals):
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        # Rounded so that they still add up to 1.
        shares = np.maximum(np.round(shares, decimals), 10.0**-decimals)
        shares[np.arange(len(shares)), shares.argmax(axis=1)] += 1 - shares.sum(axis=1)
        return np.round(shares, decimals)

    def seeded_case(name, rows, classes, skill, decimals=4, weights=None, window=None, only=None):
        label, shares = seeded(rows, classes, skill, decimals, weights)
        label = [classes[place] for place in label]
        if only is not None:
            label = [one if one in only else only[0] for one in label]
        of_window = None if window is None else seeded(window, classes, skill, decimals, weights)[1]
        return every_class_case(name, label, shares, classes, window=of_window)

    thirds = [[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.4, 0.4, 0.2], [0.25, 0.25, 0.5], [0.6, 0.4, 0.0]]
    return [
        every_class_case("by_hand", "abcbac", thirds, list("abc")),
        every_class_case("predictions_need_not_be_the_likeliest", "abcbac", thirds, list("abc"), prediction="bbcaac"),
        every_class_case("ties_are_by_name", "abcd", [[0.25] * 4] * 4, list("abcd")),
        every_class_case("sure_and_right", "abca", np.eye(3)[[0, 1, 2, 0]], list("abc")),
        every_class_case("sure_and_wrong", "abca", np.eye(3)[[1, 2, 0, 2]], list("abc")),
        every_class_case("one_row", "b", [[0.2, 0.5, 0.3]], list("abc")),
        every_class_case("a_class_without_labels", "abab", [[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7],
                                                            [0.3, 0.3, 0.4]], list("abc")),
        every_class_case("labels_of_one_class", "aaa", thirds[:3], list("abc")),
        seeded_case("seeded_three_classes", 300, ["high", "low", "mid"], 1.5, window=120),
        seeded_case("seeded_seven_classes", 500, list("ABCDEFG"), 1.0, window=200),
        seeded_case("seeded_many_ties", 400, list("ABCDE"), 1.2, decimals=1, window=150),
        seeded_case("seeded_imbalanced", 600, list("ABCD"), 2.0, weights=[0.85, 0.1, 0.04, 0.01], window=300),
        seeded_case("seeded_two_classes", 300, ["no", "yes"], 1.0, window=100),
        seeded_case("seeded_two_of_five_classes", 300, list("ABCDE"), 1.0, only=["B", "D"]),
    ]


# ---------------------------------------------------------------------------------------------
# quality_regression.json
# ---------------------------------------------------------------------------------------------


def regression_quality(prediction, label):
    """All measures; null where there are no rows, or none that the measure can use."""
    if label.size == 0:
        names = ["mean_squared_error", "root_mean_squared_error", "mean_average_error"]
        names += ["mean_absolute_percentage_error", "r2_score", "median_absolute_error", "mean_error"]
        return dict.fromkeys(names + ["mean_pinball_loss"]) | {"confidence_intervals": {}}
    nonzero = label != 0
    varied = len(np.unique(label)) > 1
    return {
        "mean_squared_error": float(metrics.mean_squared_error(label, prediction)),
        "root_mean_squared_error": float(metrics.root_mean_squared_error(label, prediction)),
        "mean_average_error": float(metrics.mean_absolute_error(label, prediction)),
        "mean_absolute_percentage_error": (
            float(metrics.mean_absolute_percentage_error(label[nonzero], prediction[nonzero]))
            if nonzero.any()
            else None
        ),
        "r2_score": float(metrics.r2_score(label, prediction)) if varied else None,
        "median_absolute_error": float(metrics.median_absolute_error(label, prediction)),
        "mean_error": float(np.mean(prediction - label)),
        "mean_pinball_loss": {
            f"p{percent}": float(metrics.mean_pinball_loss(label, prediction, alpha=percent / 100))
            for percent in (10, 50, 90)
        },
        "confidence_intervals": error_intervals(prediction, label),
    }


def error_intervals(prediction, label):
    """Of means of losses, and of the median by two of the errors in order (Campbell and Gardner's ranks)."""
    error, rows = prediction - label, len(label)
    if rows < 2:
        return {}
    squared = mean_interval(error**2)
    found = {
        "mean_squared_error": squared,
        "root_mean_squared_error": np.sqrt(squared).tolist(),
        "mean_average_error": mean_interval(np.abs(error)),
        "mean_error": mean_interval(error, least=-np.inf),
    }
    related = np.abs(error[label != 0] / label[label != 0])
    if len(related) > 1:
        found["mean_absolute_percentage_error"] = mean_interval(related)
    reach = Z * np.sqrt(rows) / 2
    first, last = int(np.rint(rows / 2 - reach)), int(np.rint(1 + rows / 2 + reach))
    if first >= 1 and last <= rows:
        ordered = np.sort(np.abs(error))
        found["median_absolute_error"] = [float(ordered[first - 1]), float(ordered[last - 1])]
    for percent in (10, 50, 90):
        found[f"mean_pinball_loss.p{percent}"] = mean_interval(pinball_losses(prediction, label, percent / 100))
    deviation = np.std(label)
    if deviation > 0 and abs(np.mean(label)) < 1e5 * deviation:
        influence = r2_influence(prediction, label)
        # What is left of sums that cancel is no influence.
        if not error.any() or np.std(influence) > 1e-9 * np.max(error**2) / deviation**2:
            standard_error = np.std(influence, ddof=1) / np.sqrt(rows)
            score = metrics.r2_score(label, prediction)
            found["r2_score"] = normal_interval(score, standard_error, least=-np.inf, greatest=1.0)
    return found


def pinball_losses(prediction, label, alpha):
    """Row by row, as scikit-learn says they are."""
    short = label - prediction
    return np.where(short >= 0, alpha * short, (alpha - 1) * short)


def r2_influence(prediction, label):
    """By how much each row moves R², to the first order: the derivative of 1 − A / V by the weight of the row."""
    squared_error, squared_deviation = (prediction - label) ** 2, (label - np.mean(label)) ** 2
    variance = np.mean(squared_deviation)
    return -squared_error / variance + np.mean(squared_error) * squared_deviation / variance**2


def check_r2_errors():
    """The delta method's standard errors of R² lie within a tenth of the bootstrap's."""
    rng = np.random.default_rng(808)
    truth = rng.normal(20, 6, 800)
    money = rng.gamma(4, 50, 1500)
    for prediction, label in [
        (truth + rng.normal(0, 1, 800), truth),
        (truth * 1.1 + 1, truth),
        (rng.normal(20, 6, 800), truth),
        (money * rng.normal(1, 0.3, 1500), money),
        (truth[:500] + rng.laplace(0, 3, 500), truth[:500]),
    ]:
        rows = len(label)
        delta = np.std(r2_influence(prediction, label), ddof=1) / np.sqrt(rows)
        draws = rng.integers(0, rows, (4000, rows))
        squared_error = np.mean((prediction - label)[draws] ** 2, axis=1)
        bootstrap = np.std(1 - squared_error / np.var(label[draws], axis=1), ddof=1)
        assert abs(delta / bootstrap - 1) < 0.1, (delta, bootstrap)


def quality_regression():
    """Predictions with numeric labels."""
    rng = np.random.default_rng(707)
    truth = rounded(rng.normal(20, 6, 250))
    money = rounded(rng.lognormal(4, 1.2, 250), 2)
    counts = rng.poisson(1.5, 200) + 0.0
    offset = 1e9 + rounded(rng.normal(0, 1, 60))
    check_r2_errors()
    pairs = {
        # name: (prediction, label)
        "empty": ([], []),
        "by_hand": ([2.5, 0.0, 2.0, 8.0], [3.0, -0.5, 2.0, 7.0]),
        "perfect": ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        "single_row": ([2.0], [4.0]),
        "single_row_right": ([4.0], [4.0]),
        "single_row_label_zero": ([2.0], [0.0]),
        "two_rows": ([1.0, 4.0], [2.0, 3.0]),
        "labels_constant": ([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]),
        "labels_constant_and_right": ([2.0, 2.0], [2.0, 2.0]),
        "labels_constant_tenth": ([0.1, 0.2, 0.1], [0.1, 0.1, 0.1]),
        "prediction_is_the_mean": ([2.5] * 4, [1.0, 2.0, 3.0, 4.0]),
        "worse_than_the_mean": ([4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0]),
        "some_labels_zero": ([1.0, 2.0, 3.0, 0.5], [0.0, 2.5, 2.0, 0.0]),
        "all_labels_zero": ([1.0, -2.0, 0.0], [0.0, 0.0, 0.0]),
        "negative_zero_label": ([1.0, 2.0], [-0.0, 4.0]),
        "negative_labels": ([-1.0, -2.0, -2.5], [-1.5, -2.0, -4.0]),
        "prediction_of_the_other_sign": ([-1.0, 2.0, -3.0], [1.0, -2.0, 3.0]),
        "small_labels": ([1.1e-6, 2.2e-6, 2.7e-6], [1e-6, 2e-6, 3e-6]),
        "large_offset": (offset + rounded(rng.normal(0, 0.1, 60)), offset),
        "seeded_good": (truth + rounded(rng.normal(0, 1, 250)), truth),
        "seeded_biased": (truth * 1.1 + 1, truth),
        "seeded_no_skill": (rounded(rng.normal(20, 6, 250)), truth),
        "seeded_money": (rounded(money * rng.lognormal(0, 0.3, 250), 2), money),
        "seeded_counts_many_zero_labels": (rounded(counts + rng.normal(0, 0.5, 200), 2), counts),
        "seeded_kelvin": (rounded(truth + 293.15 + rng.normal(0, 2, 250), 2), rounded(truth + 293.15, 2)),
        "seeded_far_from_zero": (rounded(truth - 6000 + rng.normal(0, 2, 250), 2), rounded(truth - 6000, 2)),
        "seeded_always_too_low": (rounded(truth - rng.gamma(2, 3, 250), 2), truth),
    }
    cases = []
    for name, (prediction, label) in pairs.items():
        prediction, label = np.asarray(prediction, float), np.asarray(label, float)
        cases.append({
            "name": name,
            "prediction": prediction.tolist(),
            "label": label.tolist(),
            "expected": regression_quality(prediction, label),
        })
    return cases


# ---------------------------------------------------------------------------------------------
# Custom metrics
# ---------------------------------------------------------------------------------------------


def custom_rows(hours):
    """The columns of a regression's log, a row an hour; labels are missing in each tenth."""
    n = np.arange(hours)
    label = (n * 5 % 13).astype(float)
    label[n % 10 == 0] = np.nan
    return {
        "n": n,
        "amount": n % 7 + 0.5 * (n % 3),
        "prediction": (n % 11).astype(float),
        "label": label,
        "is_north": n % 4 == 0,
        "version": np.where(n % 3 == 0, "2", "1"),
    }


def custom_baseline(rows):
    """The columns of its baseline, all of version 1."""
    n = np.arange(rows)
    return {
        "n": n,
        "amount": (n % 5).astype(float),
        "prediction": (n % 9).astype(float),
        "label": (n % 8).astype(float),
        "is_north": n % 2 == 0,
        "version": np.full(rows, "1"),
    }


def custom_values(rows, chosen):
    """Each metric of the chosen rows, as its definition says it."""
    amount, prediction, label = (rows[name][chosen] for name in ["amount", "prediction", "label"])
    known = ~np.isnan(label)
    squared = {"amount": np.mean(amount**2), "prediction": np.mean(prediction**2)}
    return {
        "own_error": float(np.mean(np.abs(prediction[known] - label[known]))),
        "share_north": float(np.mean(rows["is_north"][chosen])),
        "different": len(np.unique(prediction)),
        "squared_amount": float(squared["amount"]),
        "squared_prediction": float(squared["prediction"]),
        "root_amount": float(np.sqrt(squared["amount"])),
        "root_prediction": float(np.sqrt(squared["prediction"])),
        "variance_amount": float(np.var(amount)),
        "r2_score": float(metrics.r2_score(label[known], prediction[known]))
        if len(np.unique(label[known])) > 1
        else None,
    }


def custom_metrics():
    """Custom metrics of each window, version and slice, and of the baseline."""
    start = np.datetime64("2026-05-01T00", "h")
    rows, baseline = custom_rows(240), custom_baseline(90)
    times = start + rows["n"].astype("timedelta64[h]")
    # 1970-01-01 was a Thursday; weeks begin on Mondays.
    days = times.astype("datetime64[D]")
    weeks = (days - np.timedelta64(4, "D")).astype("datetime64[W]").astype("datetime64[D]") + np.timedelta64(4, "D")
    groups = [("1 day", day, rows, days == day) for day in np.unique(days)]
    groups += [("1 week", week, rows, weeks == week) for week in np.unique(weeks)]
    groups += [("baseline", "", baseline, np.full(len(baseline["n"]), True))]
    cases = []
    for granularity, window, table, of_window in groups:
        for version in ["*", "1", "2"]:
            of_version = of_window if version == "*" else of_window & (table["version"] == version)
            for slice_value in ["", "north", "south"]:
                of_slice = {"": True, "north": table["is_north"], "south": ~table["is_north"]}[slice_value]
                chosen = of_version & of_slice
                if not chosen.any():
                    continue
                cases.append({
                    "name": f"{granularity} {window} {version} {slice_value}".strip(),
                    "granularity": granularity,
                    "window": str(window),
                    "model_version": version,
                    "slice_value": slice_value,
                    "expected": custom_values(table, chosen),
                })
    return cases


# ---------------------------------------------------------------------------------------------
# Eigenvalues
# ---------------------------------------------------------------------------------------------


def eigen():
    """numpy.linalg.eigh, the largest eigenvalue first, each vector with its largest part positive."""
    random = np.random.default_rng(20260701)

    def case(name, matrix, has_distinct=True):
        matrix = np.asarray(matrix, dtype=float)
        values, vectors = np.linalg.eigh(matrix)
        values, vectors = values[::-1], vectors[:, ::-1].T
        largest = np.abs(vectors).argmax(axis=1)
        vectors = vectors * np.sign(vectors[np.arange(len(vectors)), largest])[:, None]
        return {
            "name": name,
            "upper": [float(value) for value in matrix[np.triu_indices(len(matrix))]],
            "values": [float(value) for value in values],
            "vectors": vectors.tolist() if has_distinct else None,
        }

    def correlation(rows, columns):
        sample = random.standard_normal((rows, columns)) @ random.standard_normal((columns, columns))
        return np.round(np.corrcoef(sample.T), 6)

    block = np.kron(np.eye(3), np.array([[1.0, 0.5], [0.5, 1.0]]))
    collinear = np.ones((3, 3))
    cases = [
        case("one column", [[4.0]]),
        case("two columns", [[2.0, 0.3], [0.3, 1.0]]),
        case("a correlation of five columns", correlation(50, 5)),
        case("a correlation of eight columns", correlation(200, 8)),
        case("not positive", np.round((lambda a: a + a.T)(random.standard_normal((6, 6))), 3)),
        case("graded over twelve decimals", np.diag([1.0, 1e-4, 1e-8, 1e-12]) + np.full((4, 4), 1e-13)),
        case("the same block three times", block, has_distinct=False),
        case("three columns that are one", collinear, has_distinct=False),
        case("a correlation of thirty-two columns", correlation(400, 32), has_distinct=False),
    ]
    return cases


# ---------------------------------------------------------------------------------------------
# Windows of a baseline, held against the rest of it
# ---------------------------------------------------------------------------------------------


def kept_components(rows):
    """The least number of components that hold more than 65 % of the variance of standardised columns."""
    values = np.linalg.eigvalsh(np.corrcoef(rows.T))[::-1]
    return int(np.searchsorted(np.cumsum(values), 0.65 * values.sum(), side="right")) + 1


def reconstruction_error(window, rows, kept):
    """The root mean square of what the main components of `rows` leave over of each row of `window`."""
    vectors = np.linalg.eigh(np.corrcoef(rows.T))[1][:, ::-1][:, :kept]
    z = (window - rows.mean(axis=0)) / rows.std(axis=0)
    return float(np.sqrt(((z - z @ vectors @ vectors.T) ** 2).sum(axis=1).mean()))


def drift_rehearsal():
    """Each window measured by all rows, and by those of the other windows."""
    random = np.random.default_rng(20261130)

    def case(name, sample, windows):
        kept = kept_components(sample)
        parts = np.split(sample, windows)

        def of(index):
            window, rest = parts[index], np.vstack(parts[:index] + parts[index + 1 :])
            change = np.abs(np.corrcoef(window.T) - np.corrcoef(rest.T))
            return {
                "by_all": reconstruction_error(window, sample, kept),
                "by_the_rest": reconstruction_error(window, rest, kept),
                "correlation_change": float(change.max()),
            }

        of_windows = [of(index) for index in range(windows)]
        return {
            "name": name,
            "columns": sample.T.tolist(),
            "windows": windows,
            "expected": {
                "kept": kept,
                "of_all": reconstruction_error(sample, sample, kept),
                "flattery": float(np.median([one["by_the_rest"] - one["by_all"] for one in of_windows])),
                "windows": of_windows,
            },
        }

    # Bounded, and so small that no percentile cuts off a value: then bounded values are the values themselves.
    unrelated = np.round(random.uniform(-1.0, 1.0, (70, 6)), 3)
    factors = random.uniform(-1.0, 1.0, (70, 2))
    related = np.round(factors @ random.uniform(-1.0, 1.0, (2, 5)) + random.uniform(-0.3, 0.3, (70, 5)), 3)
    one_apart = related.copy()
    one_apart[30:40, 2] = -one_apart[30:40, 2]
    absurd = related.copy()
    absurd[44, :2] = [8.0, 8.3]
    return [
        case("columns that have nothing to do with each other", unrelated, 7),
        case("columns that two numbers govern", related, 7),
        case("a window whose columns part ways", one_apart, 7),
        case("a window with an absurd row", absurd, 7),
    ]


# ---------------------------------------------------------------------------------------------
# Losses that are learnt
# ---------------------------------------------------------------------------------------------


LOW_64_BITS = (1 << 64) - 1


class Stream:
    """splitmix64, as in the Rust tests."""

    def __init__(self, seed):
        self.state = seed

    def uniform(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & LOW_64_BITS
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & LOW_64_BITS
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & LOW_64_BITS
        return ((z ^ (z >> 31)) >> 11) / (1 << 53)

    def normal(self):
        a, b = 1.0 - self.uniform(), self.uniform()
        return math.sqrt(-2.0 * math.log(a)) * math.cos(2.0 * math.pi * b)


def loss_rows(case, seed, start, count):
    """Features, predictions, labels: the error grows with the first feature and jumps with the third."""
    stream, features, predictions, labels = Stream(seed), [], [], []
    for _ in range(count):
        width = stream.uniform()
        x0 = start + (10.0 - start) * width
        x1 = stream.normal()
        x2 = math.floor(4.0 * stream.uniform())
        missing = stream.uniform() < case["missing"]
        spread = 0.5 + 0.3 * x0 + (1.0 if x2 == 3.0 else 0.0)
        truth = 3.0 * x0 + x1
        noise = stream.normal()
        if case["heavy"]:
            noise = math.copysign(math.expm1(abs(noise)), noise)
        features.append([math.nan if missing else x0, x1, x2])
        predictions.append(truth)
        labels.append(truth + case["bias"] + spread * noise)
    return np.array(features), np.array(predictions), np.array(labels)


def loss_estimates(case):
    features, predictions, labels = loss_rows(case, case["seed"], 0.0, case["rows"])
    medians = np.nanmedian(features, axis=0)
    inputs = lambda f, p: np.column_stack([np.where(np.isnan(f), medians, f), p])
    window = loss_rows(case, case["seed"] + 1, case["start"], 3 * case["rows"])
    error = np.abs(predictions - labels)
    told = []
    for target in (error, error**2):
        model = HistGradientBoostingRegressor(
            max_iter=100, learning_rate=0.1, max_leaf_nodes=31, min_samples_leaf=20, early_stopping=False
        )
        model.fit(inputs(features, predictions), target)
        told.append(np.maximum(model.predict(inputs(*window[:2])), 0.0).mean())
    realised = np.abs(window[1] - window[2])
    return {
        **case,
        "baseline_mae": error.mean(),
        "baseline_rmse": math.sqrt((error**2).mean()),
        "realised_mae": realised.mean(),
        "realised_rmse": math.sqrt((realised**2).mean()),
        "sklearn_mae": told[0],
        "sklearn_rmse": math.sqrt(told[1]),
    }


def loss_case(name, seed, start=0.0, rows=4000, missing=0.0, heavy=False, bias=0.0):
    return dict(name=name, seed=seed, start=start, rows=rows, missing=missing, heavy=heavy, bias=bias)


LOSS_CASES = [
    loss_case("the same kind of rows", 11),
    loss_case("rows where errors are large", 21, start=6.0),
    loss_case("rows where errors are largest", 31, start=8.0, rows=6000),
    loss_case("a third of a feature is missing", 41, start=6.0, missing=0.33),
    loss_case("a biased model", 51, start=6.0, bias=2.0),
    loss_case("heavy tails", 61, start=5.0, heavy=True),
]


def loss_model():
    """What HistGradientBoostingRegressor, with LightGBM's defaults, expects of rows, and what came true."""
    return [loss_estimates(case) for case in LOSS_CASES]


def main():
    """Writes every file. Warnings are errors: each undefined value is met by name above."""
    warnings.simplefilter("error")
    # Said although all labels are passed: a class that is everywhere makes a 1 by 1 matrix.
    warnings.filterwarnings("ignore", message="A single label was found")
    for cases in [
        drift_counts,
        drift_nulls,
        drift_families,
        drift_rows,
        drift_large,
        profile_numeric,
        profile_text,
        quality_classification,
        quality_fairness,
        quality_estimated,
        quality_every_class,
        quality_regression,
        custom_metrics,
        eigen,
        drift_rehearsal,
        loss_model,
    ]:
        write(f"{cases.__name__}.json", cases())


if __name__ == "__main__":
    main()
