#include "src/record/sha256.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "src/record/test_dir.h"

namespace fumehood {
namespace {

TEST(Sha256, AgreesWithThePublishedVectors) {  // FIPS 180-4, appendix B
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

RC_GTEST_PROP(Sha256, IsTheSameHoweverTheDataIsCut, (const std::string& a, const std::string& b)) {
  Sha256 digest;
  digest.Update(a);
  digest.Update(b);
  RC_ASSERT(digest.FinishHex() == Sha256Hex(a + b));
}

TEST(DigestFd, ReadsTheWholeFileFromItsStartAndLeavesThePosition) {
  const TestDir dir;
  const std::string text(100000, 'x');
  dir.Put("f", text);
  const Fd fd = OpenAt(dir.fd(), "f", O_RDONLY).value();
  ASSERT_EQ(lseek(fd.get(), 7, SEEK_SET), 7);
  const FileDigest digest = DigestFd(fd.get()).value();
  EXPECT_EQ(digest.sha256, Sha256Hex(text));
  EXPECT_EQ(digest.size_bytes, 100000);
  EXPECT_EQ(lseek(fd.get(), 0, SEEK_CUR), 7);
}

TEST(DigestFd, StopsAtTheBytesItMayRead) {
  const TestDir dir;
  const std::string text(100000, 'x');
  dir.Put("f", text);
  const Fd fd = OpenAt(dir.fd(), "f", O_RDONLY).value();
  for (const size_t limit : {size_t{0}, size_t{1}, size_t{32768}, size_t{65536}, size_t{99999}}) {
    EXPECT_EQ(DigestFd(fd.get(), static_cast<int64_t>(limit)).value().sha256, Sha256Hex(text.substr(0, limit))) << limit;
  }
}

}  // namespace
}  // namespace fumehood
