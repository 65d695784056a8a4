"""Draws coverage.png: how many reads cover each part of the genome, and where the planted changes lie."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plot

with open("coverage.tsv", encoding="ascii") as table:
    rows = [line.split("\t") for line in table.read().splitlines()[1:]]
with open("planted.tsv", encoding="ascii") as table:
    planted = [int(line.split("\t")[0]) for line in table]
figure, axes = plot.subplots(figsize=(9, 3.5))
axes.plot([int(row[0]) / 1000 for row in rows], [float(row[1]) for row in rows], color="tab:blue")
axes.vlines([at / 1000 for at in planted], 0, 5, color="tab:red", label="planted changes")
axes.set(xlabel="position in lambda, kb", ylabel="reads that cover it", title="Coverage, and where the changes lie")
axes.legend()
figure.tight_layout()
figure.savefig("coverage.png", dpi=120, metadata={"Software": None})
