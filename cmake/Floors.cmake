# A floor is an object library of every .cpp in its folder; the order below is the order of the house.
# What a floor may include is checked by tests/floors_test.cpp, not here.
set(POLYCLINIC_FLOORS base trace sim privacy net data learn secure fed attack world record study script cli)
set(POLYCLINIC_BUILT_FLOORS "")

function(polyclinic_floor name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/engine/${name}/*.cpp")
  if(NOT sources)
    return()
  endif()
  add_library(polyclinic_${name} OBJECT ${sources})
  target_link_libraries(polyclinic_${name} PUBLIC polyclinic_flags ${ARG_LINK})
  set(POLYCLINIC_BUILT_FLOORS ${POLYCLINIC_BUILT_FLOORS} ${name} PARENT_SCOPE)
endfunction()

polyclinic_floor(base LINK TBB::tbb fmt::fmt Threads::Threads)
polyclinic_floor(trace)
polyclinic_floor(sim)
polyclinic_floor(privacy LINK fmt::fmt Eigen3::Eigen)
polyclinic_floor(net LINK fmt::fmt)
polyclinic_floor(data LINK fmt::fmt libcsv PkgConfig::LIBZIP)
polyclinic_floor(learn LINK fmt::fmt Eigen3::Eigen)
polyclinic_floor(secure LINK fmt::fmt PkgConfig::SODIUM PkgConfig::GMP)
polyclinic_floor(fed LINK fmt::fmt Eigen3::Eigen)
polyclinic_floor(attack LINK fmt::fmt)
polyclinic_floor(world LINK fmt::fmt nlohmann_json::nlohmann_json)
polyclinic_floor(record LINK fmt::fmt nlohmann_json::nlohmann_json PkgConfig::SQLITE PkgConfig::LIBZIP)
polyclinic_floor(study LINK fmt::fmt nlohmann_json::nlohmann_json)
polyclinic_floor(script LINK fmt::fmt nlohmann_json::nlohmann_json PkgConfig::LUA)
polyclinic_floor(cli LINK fmt::fmt nlohmann_json::nlohmann_json CLI11::CLI11)

# What `--version` and provenance say; the build's name is looked up at each build.
if(TARGET polyclinic_cli)
  set(build_id "${CMAKE_BINARY_DIR}/generated/build_id.hpp")
  add_custom_target(polyclinic_build_id BYPRODUCTS "${build_id}" COMMENT "" COMMAND ${CMAKE_COMMAND}
    -DSOURCE=${CMAKE_SOURCE_DIR} -DOUTPUT=${build_id} -P ${CMAKE_SOURCE_DIR}/cmake/BuildId.cmake)
  add_dependencies(polyclinic_cli polyclinic_build_id)
  string(REPLACE "GNU" "GCC" compiler "${CMAKE_CXX_COMPILER_ID}")
  target_include_directories(polyclinic_cli PRIVATE "${CMAKE_BINARY_DIR}/generated")
  set_source_files_properties("${CMAKE_SOURCE_DIR}/engine/cli/build_facts.cpp" PROPERTIES
    OBJECT_DEPENDS "${build_id}" COMPILE_DEFINITIONS
    "POLYCLINIC_VERSION=\"${PROJECT_VERSION}\";POLYCLINIC_COMPILER=\"${compiler} ${CMAKE_CXX_COMPILER_VERSION}\";POLYCLINIC_BUILD_TYPE=\"${CMAKE_BUILD_TYPE}\";POLYCLINIC_SANITIZERS=\"${POLYCLINIC_SANITIZE}\";POLYCLINIC_LIBRARIES=\"Lua ${LUA_VERSION}, SQLite ${SQLITE_VERSION}, libzip ${LIBZIP_VERSION}, libsodium ${SODIUM_VERSION}, GMP ${GMP_VERSION}, jemalloc ${JEMALLOC_VERSION}, oneTBB ${TBB_VERSION}, fmt ${fmt_VERSION}, Eigen ${Eigen3_VERSION}, JSON ${nlohmann_json_VERSION}, CLI11 ${CLI11_VERSION}\"")
endif()

# Kernels are compiled once per instruction set, always optimised: debug and release run the same code.
foreach(isa baseline avx2 avx512)
  set(flags -O3)
  if(isa STREQUAL avx2)
    list(APPEND flags -mavx2 -mfma)
  elseif(isa STREQUAL avx512)
    list(APPEND flags -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl
         -mprefer-vector-width=512)
  endif()
  foreach(folder learn/dense fed/aggregation)
    set(file "${CMAKE_SOURCE_DIR}/engine/${folder}/kernels_${isa}.cpp")
    if(EXISTS "${file}")
      set_source_files_properties("${file}" PROPERTIES COMPILE_OPTIONS "${flags}")
    endif()
  endforeach()
endforeach()
# Quantiles must not differ between instruction sets: no fused operation; no errno, so that square
# roots are taken several at a time.
set(quantiles "${CMAKE_SOURCE_DIR}/engine/base/quantiles_")
set_source_files_properties("${quantiles}baseline.cpp" PROPERTIES COMPILE_OPTIONS "-O3;-fno-math-errno")
set_source_files_properties("${quantiles}avx2.cpp" PROPERTIES COMPILE_OPTIONS "-O3;-fno-math-errno;-mavx2")

# Links an executable with every built floor up to and including `top`.
function(polyclinic_link_floors target top)
  foreach(floor ${POLYCLINIC_FLOORS})
    if(floor IN_LIST POLYCLINIC_BUILT_FLOORS)
      target_link_libraries(${target} PRIVATE polyclinic_${floor})
    endif()
    if(floor STREQUAL top)
      break()
    endif()
  endforeach()
endfunction()

if(EXISTS "${CMAKE_SOURCE_DIR}/engine/app/main.cpp")
  add_executable(polyclinic engine/app/main.cpp)
  set_target_properties(polyclinic PROPERTIES ENABLE_EXPORTS ON
    RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
  polyclinic_link_floors(polyclinic cli)
  # docs/decisions/an-allocator.md; sanitizers bring their own
  if(NOT POLYCLINIC_SANITIZE)
    target_link_libraries(polyclinic PRIVATE PkgConfig::JEMALLOC)
  endif()
endif()

# The Lua standard library travels inside the program: its texts become one C++ file.
if(TARGET polyclinic_script)
  file(GLOB lua_sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/scripts/*.lua")
  set(embedded "${CMAKE_BINARY_DIR}/generated/embedded_scripts.cpp")
  add_custom_command(OUTPUT "${embedded}"
    COMMAND "${CMAKE_COMMAND}" "-DOUTPUT=${embedded}" "-DSOURCES=${lua_sources}"
            -P "${CMAKE_SOURCE_DIR}/cmake/EmbedScripts.cmake"
    DEPENDS ${lua_sources} "${CMAKE_SOURCE_DIR}/cmake/EmbedScripts.cmake"
    COMMENT "Embedding scripts/*.lua" VERBATIM)
  target_sources(polyclinic_script PRIVATE "${embedded}")
endif()
