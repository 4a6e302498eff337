# vggcl_library(PREFIX LIBRARY HEADER): PREFIX_FOUND, and the imported target PkgConfig::PREFIX, of a library that has no
# pkg-config file. Also used by vggcl-config.cmake.
function(vggcl_library prefix library header)
  find_library(${prefix}_LIBRARY ${library})
  find_path(${prefix}_INCLUDE ${header})
  mark_as_advanced(${prefix}_LIBRARY ${prefix}_INCLUDE)
  if(NOT ${prefix}_LIBRARY OR NOT ${prefix}_INCLUDE)
    return()
  endif()
  if(NOT TARGET PkgConfig::${prefix})
    add_library(PkgConfig::${prefix} INTERFACE IMPORTED GLOBAL)
    set_target_properties(PkgConfig::${prefix} PROPERTIES INTERFACE_LINK_LIBRARIES ${${prefix}_LIBRARY}
                                                          INTERFACE_INCLUDE_DIRECTORIES ${${prefix}_INCLUDE})
  endif()
  set(${prefix}_FOUND TRUE PARENT_SCOPE)
endfunction()
