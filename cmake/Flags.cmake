# One interface target carries every flag of our own code.
add_library(polyclinic_flags INTERFACE)
target_compile_options(polyclinic_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wno-missing-field-initializers
  # a fused multiply-add where the source has two operations would make debug and release differ
  -ffp-contract=off)
if(POLYCLINIC_WERROR)
  target_compile_options(polyclinic_flags INTERFACE -Werror)
endif()
if(POLYCLINIC_SANITIZE)
  target_compile_options(polyclinic_flags INTERFACE
    -fsanitize=${POLYCLINIC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(polyclinic_flags INTERFACE -fsanitize=${POLYCLINIC_SANITIZE})
  if(POLYCLINIC_SANITIZE MATCHES "thread")
    # Debian's oneTBB is not instrumented; base/parallel falls back to its own pool
    target_compile_definitions(polyclinic_flags INTERFACE POLYCLINIC_OWN_POOL=1)
  endif()
endif()
if(POLYCLINIC_FUZZ)
  # tells libFuzzer which ways an input takes; the fuzz targets themselves link its main
  # (and clang 14 cannot check the types of called functions in coroutines)
  target_compile_options(polyclinic_flags INTERFACE -fsanitize=fuzzer-no-link -fno-sanitize=function)
endif()
target_include_directories(polyclinic_flags INTERFACE "${CMAKE_SOURCE_DIR}/engine")
