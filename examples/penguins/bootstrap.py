"""How much heavier a Gentoo penguin is than an Adelie, with a 95 % interval by resampling."""

import csv
import json
import random
import statistics

RESAMPLES = 2000
random.seed(20090101)  # the same interval every time

mass = {"Gentoo": [], "Adelie": []}
with open("penguins.csv", newline="") as file:
    for row in csv.DictReader(file):
        if row["species"] in mass and row["body_mass_g"] != "NA":
            mass[row["species"]].append(int(row["body_mass_g"]))


def difference(gentoo, adelie):
    return statistics.fmean(gentoo) - statistics.fmean(adelie)


def resampled(values):
    return random.choices(values, k=len(values))


draws = sorted(difference(resampled(mass["Gentoo"]), resampled(mass["Adelie"])) for _ in range(RESAMPLES))
answer = {
    "difference_g": round(difference(mass["Gentoo"], mass["Adelie"]), 1),
    "from_g": round(draws[int(0.025 * RESAMPLES)], 1),
    "to_g": round(draws[int(0.975 * RESAMPLES)], 1),
}
with open("difference.json", "w") as file:
    json.dump(answer, file)
print("a Gentoo is {difference_g} g heavier than an Adelie (95 % interval {from_g} to {to_g} g)".format(**answer))
