# Writes the header that names this build, at each build, and only when the name has changed.
# Called with -DSOURCE=<checkout> -DOUTPUT=<header>; without git or history the name is "unknown".
execute_process(
  COMMAND git --no-optional-locks -C "${SOURCE}" describe --always --dirty --abbrev=10
  OUTPUT_VARIABLE id OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed OR NOT id)
  set(id "unknown")
endif()
set(text "#define POLYCLINIC_BUILD_ID \"${id}\"\n")
if(EXISTS "${OUTPUT}")
  file(READ "${OUTPUT}" before)
endif()
if(NOT "${before}" STREQUAL "${text}")
  file(WRITE "${OUTPUT}" "${text}")
endif()
