#!/bin/bash
# Genomics with a known answer: 25 changes are planted in the genome of phage lambda, the published reads are mapped to it, and the
# caller has to find each of them.
# Data: reads and genome of the package bowtie2-examples. Writes variants.tsv, coverage.tsv and coverage.png.
set -euo pipefail
export LC_ALL=C
zcat genome.fa.gz >genome.fa
python3 - <<'PYTHON'
import random
random.seed(7)
header, *lines = open("genome.fa").read().split("\n")
bases, planted = list("".join(lines)), []
for at in sorted(random.sample(range(500, len(bases) - 500), 25)):
    was = bases[at]
    bases[at] = random.choice([base for base in "ACGT" if base != was])
    planted.append((at + 1, bases[at], was))
open("planted.fa", "w").write(header + "\n" + "".join(bases) + "\n")
open("planted.tsv", "w").writelines("%d\t%s\t%s\n" % row for row in planted)
PYTHON
for n in 1 2; do zcat "reads_$n.fq.gz" >"reads_$n.fq"; done
bwa index planted.fa 2>bwa.log
# One thread: with several the order of reads that map equally well may differ from run to run.
bwa mem -t 1 planted.fa reads_1.fq reads_2.fq 2>>bwa.log | samtools sort -o mapped.bam - 2>>bwa.log
samtools index mapped.bam
samtools flagstat mapped.bam | sed -n '1p;/mapped (/p'
bcftools mpileup -f planted.fa mapped.bam 2>calls.log | bcftools call -mv --ploidy 1 -Ou 2>>calls.log |
  bcftools view -v snps -i 'QUAL>50' -Ov >calls.vcf
# Position, the genome's base, the reads' base: a planted change is called back to what it was.
bcftools query -f '%POS\t%REF\t%ALT\n' calls.vcf | sort -n >called.tsv
{ printf 'position\tplanted\twas\tfound\n'; awk 'NR == FNR { seen[$0]; next } { print $0 "\t" ($0 in seen ? "yes" : "no") }' called.tsv planted.tsv; } >variants.tsv
samtools depth -a mapped.bam | awk '{ sum[int(($2 - 1) / 500)] += $3; n[int(($2 - 1) / 500)]++ }
  END { print "start\tdepth"; for (i = 0; i in n; i++) printf "%d\t%.1f\n", i * 500, sum[i] / n[i] }' >coverage.tsv
python3 - <<'PYTHON'
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plot
rows = [line.split("\t") for line in open("coverage.tsv").read().splitlines()[1:]]
planted = [int(line.split("\t")[0]) for line in open("planted.tsv")]
figure, axes = plot.subplots(figsize=(9, 3.5))
axes.plot([int(r[0]) / 1000 for r in rows], [float(r[1]) for r in rows], color="tab:blue")
axes.vlines([at / 1000 for at in planted], 0, 5, color="tab:red", label="planted changes")
axes.set(xlabel="position in lambda, kb", ylabel="reads that cover it", title="Coverage, and where the changes lie")
axes.legend(); figure.tight_layout(); figure.savefig("coverage.png", dpi=120, metadata={"Software": None})
PYTHON
echo "planted 25, found $(grep -c 'yes$' variants.tsv)"
