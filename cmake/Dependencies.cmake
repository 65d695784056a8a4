# Every library is named in docs/dependencies.md, with the reason for it.
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
# tools/bootstrap says why it may lie here.
set(FH_OWN_BOOST ${PROJECT_SOURCE_DIR}/.cache/boost/usr/include)
if(EXISTS ${FH_OWN_BOOST}/boost/json.hpp)
  set(Boost_INCLUDE_DIR ${FH_OWN_BOOST})
  include_directories(BEFORE SYSTEM ${FH_OWN_BOOST})
endif()
find_package(Boost 1.75 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(tomlplusplus QUIET)
pkg_check_modules(libseccomp REQUIRED IMPORTED_TARGET libseccomp)

# Static archives where the distribution has them: each shared library costs a launch some 100 µs of loading.
find_library(FH_SQLITE NAMES libsqlite3.a REQUIRED)
find_library(FH_CRYPTO NAMES libcrypto.a REQUIRED)
find_library(FH_YAML NAMES libyaml-cpp.a REQUIRED)

find_package(rapidcheck REQUIRED)
