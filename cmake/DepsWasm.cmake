# Targets of the wasm preset, compiled by Emscripten from the sources that cmake/deps.sh unpacks: deps::protobuf-c, deps::opus.

ponte_hint(deps::protobuf-c "cmake/deps.sh")
set(protobuf_c "${PONTE_DEPS_DIR}/src/protobuf-c")
if(EXISTS "${protobuf_c}/protobuf-c/protobuf-c.c")
  add_library(deps_protobuf_c STATIC "${protobuf_c}/protobuf-c/protobuf-c.c")
  target_include_directories(deps_protobuf_c SYSTEM PUBLIC "${protobuf_c}")
  target_compile_options(deps_protobuf_c PRIVATE -w)
  add_library(deps::protobuf-c ALIAS deps_protobuf_c)
endif()

# Opus: its CMake build fails on Debian's tarball, so the source lists of its own *_sources.mk are compiled here.
ponte_hint(deps::opus "cmake/deps.sh")
set(opus "${PONTE_DEPS_DIR}/src/opus")

# Values of VARIABLE = a.c \ b.c in an Automake file.
function(ponte_make_list out file variable)
  file(READ "${file}" text)
  string(REGEX REPLACE "\\\\[ \t]*\n" " " text "${text}")
  if(NOT text MATCHES "(^|\n)${variable} *= *([^\n]*)")
    message(FATAL_ERROR "${file}: no ${variable}")
  endif()
  string(REGEX MATCHALL "[^ \t]+\\.c" sources "${CMAKE_MATCH_2}")
  list(TRANSFORM sources PREPEND "${opus}/")
  set(${out} ${sources} PARENT_SCOPE)
endfunction()

if(EXISTS "${opus}/opus_sources.mk")
  ponte_make_list(celt "${opus}/celt_sources.mk" CELT_SOURCES)
  ponte_make_list(silk "${opus}/silk_sources.mk" SILK_SOURCES)
  ponte_make_list(silk_float "${opus}/silk_sources.mk" SILK_SOURCES_FLOAT)
  ponte_make_list(top "${opus}/opus_sources.mk" OPUS_SOURCES)
  ponte_make_list(top_float "${opus}/opus_sources.mk" OPUS_SOURCES_FLOAT)
  # Multistream and projection are surround sound: no microphone of ours.
  list(FILTER top EXCLUDE REGEX "multistream|projection|mapping_matrix")
  list(FILTER top_float EXCLUDE REGEX "multistream|projection|mapping_matrix")
  add_library(deps_opus STATIC ${celt} ${silk} ${silk_float} ${top} ${top_float})
  target_include_directories(deps_opus SYSTEM PUBLIC "${opus}/include")
  # <opus/opus.h>, as the distribution installs it, and <opus.h> both work.
  file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/include/opus")
  if(NOT IS_SYMLINK "${CMAKE_BINARY_DIR}/include/opus/opus")
    file(CREATE_LINK "${opus}/include" "${CMAKE_BINARY_DIR}/include/opus/opus" SYMBOLIC)
  endif()
  target_include_directories(deps_opus SYSTEM PUBLIC "${CMAKE_BINARY_DIR}/include/opus")
  target_include_directories(deps_opus PRIVATE "${opus}" "${opus}/celt" "${opus}/silk" "${opus}/silk/float")
  target_compile_definitions(deps_opus PRIVATE OPUS_BUILD VAR_ARRAYS HAVE_LRINT HAVE_LRINTF HAVE_STDINT_H
                             "PACKAGE_VERSION=\"1.3.1\"")
  target_compile_options(deps_opus PRIVATE -w -O3)
  add_library(deps::opus ALIAS deps_opus)
endif()
