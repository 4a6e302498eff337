# Writes OUTPUT, a C file that holds the files named in the file LIST as bytes: struct embedded_file TABLE[], ended by a row
# without name. A byte array, not a string: C99 promises only 4095 characters of those.
file(READ "${LIST}" files)
set(arrays "")
set(rows "")
set(number 0)
foreach(path IN LISTS files)
  get_filename_component(stem "${path}" NAME_WE)
  file(READ "${path}" hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "static const unsigned char file_${number}[] = {\n${bytes}0};\n")
  string(APPEND rows "    {\"${stem}\", (const char *)file_${number}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${OUTPUT}"
     "#include \"base/embedded.h\"\n\n${arrays}\nconst struct embedded_file ${TABLE}[] = {\n${rows}    {0, 0}};\n")
