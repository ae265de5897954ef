# SPDX-License-Identifier: Apache-2.0
#
# causeway_plugins(TARGET FOLDER Interface function header)
# Each FOLDER/NAME.cpp defines `extern const Entry<Interface> FUNCTION_NAME;`, for example
# `codecs_int8`. Adds the files to TARGET and writes the sorted table behind `function()`.
function(causeway_plugins target folder interface function header)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
  list(FILTER files EXCLUDE REGEX "_test\\.cpp$")
  list(SORT files)
  set(externs "")
  set(pointers "")
  foreach(file IN LISTS files)
    get_filename_component(name ${file} NAME_WE)
    string(APPEND externs "extern const Entry<${interface}> ${function}_${name};\n")
    string(APPEND pointers "    &${function}_${name},\n")
  endforeach()
  set(table ${CMAKE_CURRENT_BINARY_DIR}/${function}_table.cpp)
  file(CONFIGURE OUTPUT ${table} @ONLY CONTENT "// Written by cmake/plugins.cmake.
#include \"${header}\"

namespace causeway {

${externs}
Entries<${interface}> ${function}() {
  static const Entry<${interface}>* const table[] = {
${pointers}  };
  return table;
}

}  // namespace causeway
")
  target_sources(${target} PRIVATE ${files} ${table})
endfunction()
