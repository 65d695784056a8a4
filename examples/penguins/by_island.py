"""Mean size on each island, from the database; then, as a careless script might, deletes what it has read."""

import csv
import os
import sqlite3

database = sqlite3.connect(os.environ["FUMEHOOD_DB_PENGUINS"])
rows = database.execute(
    "select island, species, count(*), round(avg(flipper_length_mm), 1), round(avg(body_mass_g))"
    " from penguin where body_mass_g is not null group by island, species order by island, species"
).fetchall()
with open("by_island.tsv", "w", newline="") as file:
    table = csv.writer(file, delimiter="\t", lineterminator="\n")
    table.writerow(["island", "species", "penguins", "mean_flipper_mm", "mean_mass_g"])
    table.writerows(rows)
with database:
    database.execute("delete from penguin")  # in the snapshot: the original has all its rows
print(f"{len(rows)} groups written, {database.execute('select count(*) from penguin').fetchone()[0]} rows left in the snapshot")
