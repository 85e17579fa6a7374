# Writes OUTPUT: the texts of SOURCES as C++. Run with cmake -P.
set(text "#include \"script/interpreter.hpp\"\n\nnamespace polyclinic::script {\n\n")
string(APPEND text "const std::vector<std::pair<std::string, std::string>>& embedded_scripts() {\n")
string(APPEND text "  static const std::vector<std::pair<std::string, std::string>> scripts{\n")
foreach(source ${SOURCES})
  get_filename_component(name "${source}" NAME)
  # kept byte for byte: square brackets and semicolons mean something to CMake's lists only
  file(READ "${source}" content)
  string(APPEND text "      {\"scripts/${name}\", R\"lua~(${content})lua~\"},\n")
endforeach()
string(APPEND text "  };\n  return scripts;\n}\n\n}  // namespace polyclinic::script\n")
file(WRITE "${OUTPUT}" "${text}")
