#include "src/integrity/database_check.h"

#include <gmock/gmock.h>
#include <sqlite3.h>

#include "src/integrity/known_state.h"
#include "src/record/test_dir.h"

namespace fumehood {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

class DatabaseTest : public ::testing::Test {
 protected:
  DatabaseTest() { Run("create table t (n integer primary key, word text not null); create index w on t (word); "
                       "with recursive r (n) as (select 1 union all select n + 1 from r where n < 4000) insert into t select n, 'word ' || n from r"); }

  void Run(const std::string& sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
    char* why = nullptr;
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &why), SQLITE_OK) << why;
    sqlite3_free(why);
    sqlite3_close(database);
  }
  DatabaseFindings Check(bool thorough = false) {
    auto findings = CheckDatabase(path_, {.thorough = thorough});
    EXPECT_TRUE(findings) << findings.error().message();
    return findings ? std::move(findings).value() : DatabaseFindings();
  }
  void Damage(off_t offset, const std::string& bytes) {
    const Fd file = OpenAt(kHere, path_, O_WRONLY).value();
    ASSERT_EQ(pwrite(file.get(), bytes.data(), bytes.size(), offset), static_cast<ssize_t>(bytes.size()));
  }

  TestDir dir_;
  const std::string path_ = dir_.At("a ?#%.db");  // what means something in a URI
};

TEST_F(DatabaseTest, AGoodOneHasNoFindings) {
  const DatabaseFindings findings = Check(true);
  EXPECT_THAT(findings.damage, IsEmpty());
  EXPECT_THAT(findings.other, IsEmpty());
  EXPECT_TRUE(findings.finished);
}

TEST_F(DatabaseTest, AnEmptyFileIsADatabaseWithoutTables) {
  dir_.Put("a ?#%.db", "");
  EXPECT_THAT(Check().damage, IsEmpty());
  EXPECT_TRUE(*IsSqliteFile(path_));
}

TEST_F(DatabaseTest, APageOfRubbishIsDamage) {
  Damage(3 * 4096, std::string(4096, '\x5a'));
  EXPECT_THAT(Check().damage, Not(IsEmpty()));
}

TEST_F(DatabaseTest, AMissingEndIsDamage) {
  ASSERT_EQ(truncate(path_.c_str(), 4 * 4096), 0);
  EXPECT_THAT(Check().damage, Not(IsEmpty()));
}

TEST_F(DatabaseTest, ARowThatBreaksARuleIsNoDamage) {
  Run("create table u (n integer); insert into u values (null)");
  Run("pragma writable_schema = on; update sqlite_schema set sql = 'create table u (n integer not null)' where name = 'u'");
  const DatabaseFindings findings = Check();
  EXPECT_THAT(findings.damage, IsEmpty());
  EXPECT_THAT(findings.other, Not(IsEmpty()));
}

TEST_F(DatabaseTest, WhatOnlyItsApplicationKnowsIsNoDamage) {
  Run("pragma writable_schema = on; update sqlite_schema set sql = 'create index w on t (word collate of_an_application)' where name = 'w'");
  const DatabaseFindings findings = Check();
  EXPECT_THAT(findings.damage, IsEmpty());
  EXPECT_THAT(findings.other, Not(IsEmpty()));
}

TEST_F(DatabaseTest, ACheckEndsAtItsLimit) {
  Run("with recursive r (n) as (select 1 union all select n + 1 from r where n < 300000) insert into t (word) select hex(randomblob(50)) from r");
  const auto findings = CheckDatabase(path_, {.thorough = true, .limit = std::chrono::milliseconds(0)});
  ASSERT_TRUE(findings);
  EXPECT_FALSE(findings->finished);
  EXPECT_THAT(findings->damage, IsEmpty());
}

TEST_F(DatabaseTest, NothingIsMadeBesideIt) {
  Run("pragma journal_mode = wal");
  (void)Check(true);
  EXPECT_EQ(ListDir(dir_.fd())->size(), 1U);
}

TEST_F(DatabaseTest, ItsDigestIsThatOfItsPagesAndNotOfItsCounters) {
  const std::string before = *DigestDatabase(path_);
  Run("update t set word = 'other' where n = 1");
  const std::string changed = *DigestDatabase(path_);
  EXPECT_NE(changed, before);
  Run("update t set word = 'word 1' where n = 1");
  EXPECT_NE(*DigestDatabase(path_), changed);
  const std::string once = *DigestDatabase(path_);
  Run("begin immediate; pragma user_version = 0; commit");  // writes the header alone
  EXPECT_EQ(*DigestDatabase(path_), once);
}

TEST_F(DatabaseTest, ItsSightTellsAWrite) {
  const DatabaseSight before = LookAtDatabase(path_).value();
  EXPECT_EQ(before, LookAtDatabase(path_).value());
  EXPECT_TRUE(before.IsAtRest());
  dir_.Put("a ?#%.db-wal", "x");
  EXPECT_NE(before, LookAtDatabase(path_).value());
  EXPECT_FALSE(LookAtDatabase(path_)->IsAtRest());
}

TEST_F(DatabaseTest, IsToldFromOtherFiles) {
  EXPECT_TRUE(*IsSqliteFile(path_));
  dir_.Put("table.csv", "a,b\n");
  EXPECT_FALSE(*IsSqliteFile(dir_.At("table.csv")));
}

TEST(KnownState, KeepsWhatWasSeen) {
  const TestDir dir;
  const KnownState state(dir.path());
  EXPECT_FALSE(state.FindDatabase("/data/\xff.db"));
  EXPECT_TRUE(state.AllDatabases().empty());
  const KnownDatabase known{.path = "/data/\xff.db", .seen = {"01ARZ3NDEKTSV4RRFFQ69G5FAV", "2026-01-02T03:04:05.678901Z"},
                            .sight = {.file = FileSight{1, 2, 3, 4, 5}}, .sha256 = "ab", .settled = true, .checked = true, .damage = {"row 3"}};
  ASSERT_TRUE(state.Remember(known));
  const auto back = state.FindDatabase(known.path);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->sight, known.sight);
  EXPECT_EQ(back->damage, known.damage);
  EXPECT_EQ(PrintKnown(*back), PrintKnown(known));
  EXPECT_EQ(state.AllDatabases().size(), 1U);
  EXPECT_EQ(dir.ModeOf("health"), 0700U);
}

TEST(KnownState, ForgetsWhatCannotBeRead) {
  const TestDir dir;
  const KnownState state(dir.path());
  ASSERT_TRUE(state.Remember(KnownInput{.path = "/a"}));
  ASSERT_TRUE(state.FindInput("/a"));
  const auto inputs = OpenDir(dir.fd(), "health/inputs");
  const std::string name = ListDir(inputs->get())->at(0).name;
  for (const char* text : {"", "{", "[]", "{\"version\":2}"}) {
    dir.Put("health/inputs/" + name, text);
    EXPECT_FALSE(state.FindInput("/a")) << text;
  }
}

}  // namespace
}  // namespace fumehood
