# Warnings are errors: see CONTRIBUTING.md.
add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Werror)
# Designated initialisers leave the rest at the defaults of the struct, which is what they are for.
add_compile_options(-Wno-missing-field-initializers)
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast>)
add_compile_definitions(_GNU_SOURCE)

option(FUMEHOOD_FUZZ "build the libFuzzer targets" OFF)
if(FUMEHOOD_FUZZ)
  # Coverage in the code under test, not in the fuzz target alone: without it the fuzzer searches blindly.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
set(FUMEHOOD_SANITIZE "" CACHE STRING "sanitizers, as -fsanitize= takes them")
if(FUMEHOOD_SANITIZE)
  # g++ 12 sees uninitialised members in std::regex once the sanitizers have rearranged it.
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  # -O1: at -O2 the checks double what a build takes, and find nothing more.
  add_compile_options(-O1 -fsanitize=${FUMEHOOD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${FUMEHOOD_SANITIZE})
endif()
