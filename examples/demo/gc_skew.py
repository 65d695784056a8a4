"""Where a bacterium starts to copy its chromosome, read from its sequence alone.

The two halves of a bacterial chromosome are copied in opposite directions from one origin, and the strand that is copied
in one piece collects a little more G than C. So the running sum of G minus C falls until the origin and rises until the
terminus: its lowest point predicts the one, its highest the other (Lobry 1996). For E. coli both are known, by the
sequences of oriC and dif, which this script looks up in the same genome to see how good the prediction is.

    gc_skew.py GENOME.fna[.gz]        writes results/gc_skew.tsv, results/origin.tsv and results/gc_skew.png
"""

import csv
import gzip
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # a figure into a file: no screen is needed
import matplotlib.pyplot as plt
import numpy as np

WINDOW = 10_000  # bases
RESULTS = Path("results")
KNOWN = {
    # The left half of E. coli's minimal origin, with its first DnaA boxes.
    "origin": ("oriC", "GGATCCTGGGTATTAAAAAGAAGATCTATTTATTTAGAGATCTGTTCTATTGTGATCTCTTATTAGGATCGCACTGCCCTGTGGATAACAAGGATCCGG"),
    # Where the two copies of a finished chromosome are separated.
    "terminus": ("dif", "GGTGCGCATAATGTATATTATGTTAAAT"),
}


def read_fasta(path):
    opened = gzip.open(path, "rt") if path.endswith(".gz") else open(path)
    with opened as file:
        name = file.readline().strip().rsplit("|", 1)[-1].strip().split(",")[0]
        return name, "".join(line.strip() for line in file).upper()


def find_either_strand(genome, sequence):
    reverse = sequence[::-1].translate(str.maketrans("ACGT", "TGCA"))
    places = [place for place in (genome.find(sequence), genome.find(reverse)) if place >= 0]
    return places[0] + len(sequence) // 2 if places else None


def skew(genome):
    """Per window: its middle, the share of G and C, and (G - C) / (G + C); and G - C summed up base by base."""
    bases = np.frombuffer(genome.encode(), dtype=np.uint8)
    is_g, is_c = bases == ord("G"), bases == ord("C")
    starts = np.arange(0, len(bases), WINDOW)
    g, c = np.add.reduceat(is_g, starts, dtype=int), np.add.reduceat(is_c, starts, dtype=int)
    ends = np.minimum(starts + WINDOW, len(bases))
    total = np.cumsum(is_g.astype(np.int32) - is_c)
    return starts, ends, (g + c) / (ends - starts), (g - c) / np.maximum(g + c, 1), total


def write_table(path, header, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def draw(path, name, middles, window_skew, total, points):
    figure, (above, below) = plt.subplots(2, 1, figsize=(9, 6.2), sharex=True, height_ratios=[2, 3])
    above.axhline(0, color="0.6", linewidth=0.8)
    above.fill_between(middles / 1e6, window_skew, 0, where=window_skew >= 0, color="#2a78b5", linewidth=0, interpolate=True)
    above.fill_between(middles / 1e6, window_skew, 0, where=window_skew < 0, color="#d1603d", linewidth=0, interpolate=True)
    above.set_ylabel("GC skew\n(G − C) / (G + C)")
    above.set_title(f"{name}: the GC skew shows where its replication starts and ends", loc="left", fontsize=12)

    thinned = slice(None, None, 1000)
    below.plot(np.arange(len(total))[thinned] / 1e6, total[thinned] / 1e3, color="0.25", linewidth=1.2)
    low, high = total.min() / 1e3, total.max() / 1e3
    below.set_ylim(low - 0.22 * (high - low), high + 0.22 * (high - low))
    for what, predicted, known_name, found in points:
        if found is not None:
            for axes in (above, below):
                axes.axvline(found / 1e6, color="#3a8f5c", linestyle="--", linewidth=1, zorder=0)
        known = f"{known_name} lies {abs(predicted - found) / 1e3:.1f} kb away" if found is not None else f"no {known_name} found"
        up = what == "terminus"
        below.plot(predicted / 1e6, total[predicted] / 1e3, "o", color="#b03060", markersize=7)
        below.annotate(f"predicted {what}: {predicted / 1e6:.3f} Mb\n{known}", (predicted / 1e6, total[predicted] / 1e3),
                       xytext=(8 if up else -8, 10 if up else -10), textcoords="offset points", ha="left" if up else "right",
                       va="bottom" if up else "top", fontsize=9)
    below.set_ylabel("cumulative skew\nΣ (G − C), thousand bases")
    below.set_xlabel("position in the chromosome (Mb)")
    below.set_xlim(0, len(total) / 1e6)
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    figure.text(0.995, 0.005, f"windows of {WINDOW // 1000} kb; dashed: the known sequences oriC and dif", ha="right", fontsize=8, color="0.4")
    figure.tight_layout(rect=(0, 0.02, 1, 1))
    figure.savefig(path, dpi=150)


def main(genome_path):
    name, genome = read_fasta(genome_path)
    starts, ends, gc, window_skew, total = skew(genome)
    points = []
    for what, predicted in (("origin", int(total.argmin())), ("terminus", int(total.argmax()))):
        known_name, sequence = KNOWN[what]
        points.append((what, predicted, known_name, find_either_strand(genome, sequence)))

    RESULTS.mkdir(exist_ok=True)
    write_table(RESULTS / "gc_skew.tsv", ["start", "end", "gc_content", "gc_skew", "cumulative_skew"],
                ([s + 1, e, f"{content:.4f}", f"{value:.5f}", total[e - 1]] for s, e, content, value in zip(starts, ends, gc, window_skew)))
    write_table(RESULTS / "origin.tsv", ["what", "predicted_bp", "known_as", "found_bp", "distance_bp"],
                ([what, predicted + 1, known, "" if found is None else found + 1, "" if found is None else abs(predicted - found)]
                 for what, predicted, known, found in points))
    draw(RESULTS / "gc_skew.png", name, (starts + ends) / 2, window_skew, total, points)

    print(f"{name}: {len(genome):,} bases, {100 * sum(map(genome.count, 'GC')) / len(genome):.1f} % G+C")
    for what, predicted, known, found in points:
        nearness = f"the known sequence {known} is {abs(predicted - found):,} bases away" if found is not None else f"{known} was not found"
        print(f"predicted {what:9}{predicted + 1:>10,}   {nearness}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
