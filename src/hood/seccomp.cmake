# The system call filter is compiled from its policy at build time.
set(seccomp_header ${CMAKE_CURRENT_BINARY_DIR}/generated/src/hood/seccomp_programs.h)
add_executable(fumehood_seccomp_gen seccomp_gen_main.cc seccomp_policy.cc seccomp_assembler.cc
                                    bpf_builder.cc)
target_include_directories(fumehood_seccomp_gen PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR})
target_link_libraries(fumehood_seccomp_gen PRIVATE fmt::fmt-header-only PkgConfig::libseccomp)
file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/generated/src/hood)
add_custom_command(
  OUTPUT ${seccomp_header}
  COMMAND fumehood_seccomp_gen ${seccomp_header}
  DEPENDS fumehood_seccomp_gen
  COMMENT "Compiling the system call filter")
target_sources(fumehood_hood PRIVATE ${seccomp_header})
target_include_directories(fumehood_hood PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/generated)
if(BUILD_TESTING)
  target_link_libraries(hood_test PRIVATE PkgConfig::libseccomp)
endif()
