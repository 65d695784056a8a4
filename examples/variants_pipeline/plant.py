"""Plants 25 known changes in a genome: planted.fa is the changed one, planted.tsv says what was changed."""

import gzip
import random

random.seed(7)
header, *lines = gzip.open("genome.fa.gz", "rt").read().split("\n")
bases, planted = list("".join(lines)), []
for at in sorted(random.sample(range(500, len(bases) - 500), 25)):
    was = bases[at]
    bases[at] = random.choice([base for base in "ACGT" if base != was])
    planted.append((at + 1, bases[at], was))
with open("planted.fa", "w", encoding="ascii") as genome:
    genome.write(header + "\n" + "".join(bases) + "\n")
with open("planted.tsv", "w", encoding="ascii") as table:
    table.writelines("%d\t%s\t%s\n" % row for row in planted)
