# find_package(vggcl): vggcl::vggcl, the shared library. vggcl::static too where the development packages of what the
# library uses are there; find_package(vggcl COMPONENTS static) insists on them.
include(${CMAKE_CURRENT_LIST_DIR}/vggcl-shared.cmake)

find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(VGGCL_OPENCL QUIET IMPORTED_TARGET OpenCL)
  pkg_check_modules(VGGCL_CLBLAST QUIET IMPORTED_TARGET clblast)
  pkg_check_modules(VGGCL_JANSSON QUIET IMPORTED_TARGET jansson)
  pkg_check_modules(VGGCL_CURL QUIET IMPORTED_TARGET libcurl)
  pkg_check_modules(VGGCL_ARCHIVE QUIET IMPORTED_TARGET libarchive)
  pkg_check_modules(VGGCL_MD QUIET IMPORTED_TARGET libmd)
endif()
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads QUIET)
if(VGGCL_OPENCL_FOUND AND VGGCL_CLBLAST_FOUND AND VGGCL_JANSSON_FOUND AND VGGCL_CURL_FOUND AND VGGCL_ARCHIVE_FOUND
   AND VGGCL_MD_FOUND)
  include(${CMAKE_CURRENT_LIST_DIR}/vggcl-static.cmake)
  set(vggcl_static_FOUND TRUE)
elseif(vggcl_FIND_REQUIRED_static)
  set(vggcl_FOUND FALSE)
  set(vggcl_NOT_FOUND_MESSAGE "vggcl::static needs (on Debian or Ubuntu): sudo apt-get install pkg-config ocl-icd-opencl-dev opencl-headers libclblast-dev libjansson-dev libcurl4-openssl-dev libarchive-dev libmd-dev")
endif()
