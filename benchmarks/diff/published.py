"""Scores of published programs for the lines of a bad log, run by `run.py --others` in a Python that has them installed.

    PYTHON published.py logdelta|loglead GOOD BAD

logdelta: LogDelta's line-level anomaly scores (its four detectors over masked words, combined by its rank sum).
loglead: LogLead's comparison of line types (`delta.distance_line_content`): exact buckets of masked words that the
target holds and the good run does not. Prints the line numbers in falling order of score as JSON, for logdelta all of
them: the caller chooses how many, in the program's favour.
"""

import json
import os
import sys
import warnings

warnings.filterwarnings("ignore")


def frame(path, folder):
    """The lines of a log as the programs' loaders would give them."""
    import polars as pl

    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    return pl.DataFrame(
        {
            "m_message": lines,
            "file_name": "build.log",
            "run": folder,
            "folder": folder,
            "row": range(1, len(lines) + 1),
        }
    )


def logdelta(good, bad):
    """Lines in falling order of LogDelta's rank sum."""
    import polars as pl
    from logdelta import log_analysis_functions, regex_masking
    from loglead.enhancers import EventLogEnhancer

    both = pl.concat([frame(good, "good"), frame(bad, "bad")]).filter(pl.col("m_message").str.strip_chars() != "")
    enhancer = EventLogEnhancer(both)
    mask = getattr(enhancer, "normalize", None) or enhancer.mask
    both = mask(regexs=regex_masking.myllari_extended)
    field = next(name for name in both.columns if name in ("e_message_normalized", "e_message_masked"))
    both = both.with_columns(pl.col(field).str.split(" ").alias("e_words"))
    target, other = both.filter(pl.col("run") == "bad"), both.filter(pl.col("run") == "good")
    names = ["KMeans", "IsolationForest", "RarityModel", "OOVDetector"]
    scores = log_analysis_functions._run_anomaly_detection(target, other, "e_words", detectors=names)
    scores = log_analysis_functions._calculate_zscore_sum_anos(scores)
    order = scores.with_columns(target["row"].alias("row")).sort("rank_sum", descending=True)
    return order["row"].to_list()


def loglead(good, bad):
    """Lines of which LogLead says that only the target has their type."""
    import polars as pl
    from loglead.delta import distance, masking
    from loglead.enhancers import EventLogEnhancer

    both = pl.concat([frame(good, "good"), frame(bad, "bad")]).filter(pl.col("m_message").str.strip_chars() != "")
    both = EventLogEnhancer(both).mask(regexs=masking.get_pattern("myllari_extended"))
    per_file, _, both = distance.distance_line_content(both, "bad", comparison_folders=["good"], measures=["Exact"])
    only = set(per_file[0][2].filter(pl.col("target_only"))["bucket"].to_list())
    bad_lines = both.filter(pl.col("folder") == "bad")
    return bad_lines.filter(pl.col("e_message_normalized").is_in(list(only)))["row"].to_list()


if __name__ == "__main__":
    kind, one, two = sys.argv[1:]
    one, two = os.path.abspath(one), os.path.abspath(two)
    keep = os.dup(1)
    os.dup2(2, 1)  # the programs print progress
    found = {"logdelta": logdelta, "loglead": loglead}[kind](one, two)
    os.dup2(keep, 1)
    sys.stdout.write(json.dumps(found) + "\n")
