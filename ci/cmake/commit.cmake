# cmake -DSOURCE=DIR -DOUTPUT=FILE -P commit.cmake: writes the C file that says which commit of git is built, if it has
# changed: "8daa690", "v0.2-3-g8daa690-dirty", or "" if SOURCE is neither the top of a checkout nor made by `git archive`.
execute_process(COMMAND git -C ${SOURCE} rev-parse --show-cdup OUTPUT_VARIABLE above RESULT_VARIABLE status
                ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
set(commit "")
if(status EQUAL 0 AND above STREQUAL "")
  execute_process(COMMAND git --no-optional-locks -C ${SOURCE} describe --always --dirty OUTPUT_VARIABLE commit
                  ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
elseif(EXISTS ${SOURCE}/ci/cmake/commit.txt)
  # A line, which `git archive` replaced by the hash.
  file(STRINGS ${SOURCE}/ci/cmake/commit.txt commit REGEX "^[0-9a-f]+$")
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#include \"cli/origin.h\"\n\nconst char origin_commit[] = \"${commit}\";\n" @ONLY)
