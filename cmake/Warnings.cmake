# Warnings are errors in every preset. Third-party headers come from system folders and do not count.
add_library(tocsin_warnings INTERFACE)
target_compile_options(tocsin_warnings INTERFACE -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion
  -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual -Wextra-semi -Wmissing-declarations -Wundef
  -Wformat=2 -Wswitch-enum -Wdouble-promotion
  -Wno-missing-field-initializers)  # designated initialisers leave out what has a default
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(tocsin_warnings INTERFACE -Wsuggest-override -Wcast-align=strict -Wduplicated-cond
    -Wduplicated-branches -Wlogical-op -Wredundant-decls -Wimplicit-fallthrough=5
    -Wno-restrict -Wno-maybe-uninitialized)  # GCC 12 raises both falsely
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")  # builds the fuzzer only: what it warns of beyond GCC is clang-tidy's to say
  target_compile_options(tocsin_warnings INTERFACE -Wno-error)
endif()
