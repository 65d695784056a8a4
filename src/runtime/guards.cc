#include "src/runtime/guards.h"

namespace fumehood {

const Environment& GuardVariables() {
  static const Environment guards{
      // ~/.local/lib/python3.x/site-packages comes before the runtime's own.
      {"PYTHONNOUSERSITE", "1"},
      // ~/R/<platform>-library/<version> comes before the runtime's own. Empty would mean that default; a path that is nowhere is
      // passed over in silence.
      {"R_LIBS_USER", "/nonexistent"},
      // ~/.Renviron may set R_LIBS; that of the work directory, too, which R would read first.
      {"R_ENVIRON_USER", "/dev/null"},
  };
  return guards;
}

}  // namespace fumehood
