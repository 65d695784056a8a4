#include "src/store/store.h"

#include <gtest/gtest.h>

#include "src/record/change_log.h"
#include "src/record/test_dir.h"
#include "src/store/test_runs.h"

namespace fumehood {
namespace {

class StoreTest : public testing::Test {
 protected:
  Store Open() {
    StoreOptions options;
    options.tell = [this](const std::string& sentence) { told_.push_back(sentence); };
    auto store = Store::Open(state(), options);
    EXPECT_TRUE(store) << store.error().message();
    return std::move(store).value();
  }
  RunId Make(MadeRun made = {}) {
    NoteChange(state(), made.id, change::kBegins);
    const auto done = MakeRun(state(), made);
    EXPECT_TRUE(done) << done.error().message();
    return made.id;
  }
  static std::vector<RunId> Ids(Store& store, const RunQuery& query = {}) {
    auto page = store.List(query);
    EXPECT_TRUE(page) << page.error().message();
    std::vector<RunId> ids;
    for (const RunRow& row : page->rows) ids.push_back(row.id);
    return ids;
  }
  std::string state() const { return dir_.path() + "/state"; }

  TestDir dir_;
  std::vector<std::string> told_;
};

TEST_F(StoreTest, ListsWhatWasMadeSinceItWasOpened) {
  Store store = Open();
  EXPECT_TRUE(Ids(store).empty());
  const RunId id = Make();
  ASSERT_TRUE(store.CatchUp());
  EXPECT_EQ(Ids(store), std::vector<RunId>{id});
  EXPECT_TRUE(told_.empty());
}

TEST_F(StoreTest, AKeyBelongsToWhoeverClaimsItFirst) {
  Store store = Open();
  const RunId first = NewRunId();
  const RunId second = NewRunId();
  EXPECT_EQ(*store.ClaimKey("k", first), first);
  EXPECT_EQ(*store.ClaimKey("k", second), first);
  ASSERT_TRUE(store.ReleaseKey("k", second));
  EXPECT_EQ(*store.ClaimKey("k", second), first);
  ASSERT_TRUE(store.ReleaseKey("k", first));
  EXPECT_EQ(*store.ClaimKey("k", second), second);
  ASSERT_TRUE(store.Reindex());
  EXPECT_EQ(*store.ClaimKey("k", first), second);
}

TEST_F(StoreTest, IsMadeAnewWhereItIsMissing) {
  const RunId id = Make();
  { Store store = Open(); }
  ASSERT_EQ(unlink((state() + "/store.db").c_str()), 0);
  told_.clear();
  Store store = Open();
  EXPECT_EQ(Ids(store), std::vector<RunId>{id});
  EXPECT_EQ(told_.size(), 1U);
}

}  // namespace
}  // namespace fumehood
