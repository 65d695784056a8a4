"""Makes penguins.sqlite from penguins.csv: the lab's database, in this example."""

import csv
import sqlite3

with open("penguins.csv", newline="") as file:
    rows = [[None if value == "NA" else value for value in row] for row in csv.reader(file)][1:]
database = sqlite3.connect("penguins.sqlite")
with database:
    database.execute("drop table if exists penguin")
    database.execute(
        "create table penguin (species text, island text, bill_length_mm real, bill_depth_mm real,"
        " flipper_length_mm integer, body_mass_g integer, sex text, year integer)"
    )
    database.executemany("insert into penguin values (?, ?, ?, ?, ?, ?, ?, ?)", rows)
database.close()
