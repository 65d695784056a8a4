// What a run's environment holds so that interpreters do not look for more in a home.
//
// A run's environment is built from nothing, so that no variable of the host is in it (PYTHONPATH, R_LIBS, LD_LIBRARY_PATH, ...).
// Some places are looked into without any variable, if only they are there: a spec may show a home as an input, or run in it.
#pragma once

#include "src/config/sources.h"

namespace fumehood {

// For every runtime. A spec that sets one of them has the last word.
const Environment& GuardVariables();

}  // namespace fumehood
