"""Means and differences over repeats, with confidence intervals of 95 % by Student's t."""

import math

import pandas as pd

# Student's t, two-sided 95 %, by degrees of freedom from 1. Source: NIST/SEMATECH e-Handbook, 1.3.6.7.2.
T_95 = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
]


def t_95(freedom):
    """Beyond the table: the normal distribution's quantile and the first term of Student's expansion."""
    return T_95[freedom - 1] if freedom <= len(T_95) else 1.960 + 2.37 / freedom


def mean_interval(values):
    """mean, low and high of the 95 % interval, and n. One value has no interval: low and high are NaN."""
    values = pd.Series(values, dtype=float).dropna()
    n = len(values)
    mean = values.mean() if n else math.nan
    half = t_95(n - 1) * values.std(ddof=1) / math.sqrt(n) if n > 1 else math.nan
    return pd.Series({"mean": mean, "low": mean - half, "high": mean + half, "n": n})


def paired_difference(before, after):
    """mean_interval of after - before, pair by pair (repeats with the same seed): what both share falls out."""
    pairs = pd.DataFrame({"before": before, "after": after}).dropna()
    return mean_interval(pairs.after - pairs.before)
