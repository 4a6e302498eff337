# cmake -DSOURCE=DIR -DOUTPUT=FILE -P commit.cmake: writes the C file that says which commit of git is built, if it has
# changed: "8daa690", "v0.2-3-g8daa690-dirty", or "" where SOURCE is not the top of a checkout.
execute_process(COMMAND git -C ${SOURCE} rev-parse --show-cdup OUTPUT_VARIABLE above RESULT_VARIABLE status
                ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
set(commit "")
if(status EQUAL 0 AND above STREQUAL "")
  execute_process(COMMAND git --no-optional-locks -C ${SOURCE} describe --always --dirty OUTPUT_VARIABLE commit
                  ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#include \"cli/origin.h\"\n\nconst char origin_commit[] = \"${commit}\";\n" @ONLY)
