# cmake -DOUTPUT=file.cpp -DFILES="a.toml;b.toml" -P EmbedPersonas.cmake
# Writes the persona files as C++ string data, in pieces that every compiler takes.
set(body "")
set(table "")
foreach(file IN LISTS FILES)
  get_filename_component(id "${file}" NAME_WE)
  string(MAKE_C_IDENTIFIER "${id}" name)
  file(READ "${file}" hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
  string(APPEND body "constexpr unsigned char k_${name}[] = {\n${bytes}};\n")
  string(APPEND table "    {\"${id}\", {reinterpret_cast<const char*>(k_${name}), sizeof(k_${name})}},\n")
endforeach()
file(WRITE "${OUTPUT}" "// Made by scripts/cmake/EmbedPersonas.cmake from libs/dialog/personas.
#include \"dialog/persona_built_in.h\"

namespace al::dialog {
namespace {
${body}}  // namespace

std::span<const BuiltInPersona> built_in_personas() {
  static const BuiltInPersona kAll[] = {
${table}  };
  return kAll;
}

}  // namespace al::dialog
")
