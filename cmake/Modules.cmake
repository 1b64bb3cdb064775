# precompile(TARGET HEADER ...): core_headers.h and the HEADERs, whose parsing is most of the time that a file of TARGET takes,
# are read once. Only for targets of many files: the result is some 200 MB on disk and takes as long as two files.
function(precompile target)
  target_precompile_headers(${target} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/core_headers.h ${ARGN})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")  # so that ccache may keep it
  else()
    target_compile_options(${target} PRIVATE -fpch-preprocess)  # ccache asks for it
  endif()
endfunction()

# tocsin_module(NAME SOURCES ... [DEPS our modules ...] [LIBS third-party targets ...] [PRECOMPILED headers ...])
# One folder, one library. DEPS is the folder's row in ARCHITECTURE.md's table of permitted includes: the link graph and the
# include graph are the same table (tests/tidy checks the second). PRECOMPILED: our headers that most of its files include.
function(tocsin_module name)
  cmake_parse_arguments(M "" "" "SOURCES;DEPS;LIBS;PRECOMPILED" ${ARGN})
  add_library(tocsin_${name} STATIC ${M_SOURCES})
  target_include_directories(tocsin_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  list(TRANSFORM M_DEPS PREPEND tocsin_)
  target_link_libraries(tocsin_${name} PUBLIC ${M_DEPS} ${M_LIBS} PRIVATE tocsin_warnings)
  if(M_PRECOMPILED)
    list(TRANSFORM M_PRECOMPILED PREPEND ${PROJECT_SOURCE_DIR}/)
    precompile(tocsin_${name} ${M_PRECOMPILED})
  endif()
endfunction()

# tocsin_test(NAME SOURCES ... [DEPS ...] [LIBS ...] [PRECOMPILED ...]): a GoogleTest binary build/<preset>/tests/NAME, run by ctest.
function(tocsin_test name)
  cmake_parse_arguments(T "" "TIMEOUT" "SOURCES;DEPS;LIBS;PRECOMPILED" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  list(TRANSFORM T_DEPS PREPEND tocsin_)
  target_link_libraries(${name} PRIVATE ${T_DEPS} ${T_LIBS} GTest::gtest GTest::gmock GTest::gtest_main tocsin_warnings)
  if(T_PRECOMPILED)
    list(TRANSFORM T_PRECOMPILED PREPEND ${PROJECT_SOURCE_DIR}/)
    precompile(${name} <gmock/gmock.h> <gtest/gtest.h> ${T_PRECOMPILED})
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${T_TIMEOUT})
endfunction()

# tocsin_bench(NAME_bench SOURCES ... [DEPS ...] [LIBS ...]): a Google Benchmark binary build/<preset>/bench/NAME_bench, run by
# `./dev bench NAME`.
function(tocsin_bench name)
  cmake_parse_arguments(B "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  add_executable(${name} ${B_SOURCES})
  list(TRANSFORM B_DEPS PREPEND tocsin_)
  target_link_libraries(${name} PRIVATE ${B_DEPS} ${B_LIBS} benchmark::benchmark tocsin_warnings)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
endfunction()
