"""Counts how often each word of 31 bases occurs in a genome, in the simplest way, which keeps all of them in memory.

    kmers.py GENOME.fna.gz
"""

import collections
import gzip
import sys

K = 31
with gzip.open(sys.argv[1], "rt") as file:
    genome = "".join(line.strip() for line in file if not line.startswith(">"))
counts = collections.Counter(genome[at : at + K] for at in range(len(genome) - K + 1))
with open("kmers.tsv", "w") as table:
    for word, count in counts.most_common():
        print(word, count, sep="\t", file=table)
print(f"{len(counts):,} different words of {K} bases")
