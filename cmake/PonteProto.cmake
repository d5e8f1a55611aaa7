# add_proto(NAME
#   FILES ponte/transcription/v1/transcription.proto ...   relative to ROOT
#   ROOT folder          default: the calling folder; the root of imports
#   DEPS pb google       modules the generated code includes; protos of other add_proto() modules can be imported
#   PLAIN                messages only, without the stubs of protoc-gen-ponte
#   NO_SERVER)           without NAME_server and NAME_svc
#
# makes the module NAME: "ponte/transcription/v1/transcription.pb-c.h" (protobuf-c) and
# "ponte/transcription/v1/transcription.ponte.h" (method table, typed calls); and, natively, the module NAME_server:
# "ponte/transcription/v1/transcription.ponte.server.h" (typed handlers over lib/rpc), so that the browser's client links no server;
# and NAME_svc: "ponte/transcription/v1/transcription.ponte.svc.h" (typed steps of services/svc), built only for those who use it.
# Generated code lives in the build tree only. docs/stubs.md describes it.
find_program(PONTE_PROTOC protoc)
find_program(PONTE_PROTOC_C protoc-c)
# protobuf's own files: descriptor.proto, plugin.proto, any.proto. They are texts, so a cross build may read this machine's.
find_path(PONTE_PROTOBUF_PROTOS google/protobuf/compiler/plugin.proto PATHS /usr/include /usr/local/include
          NO_CMAKE_FIND_ROOT_PATH)
if(NOT PONTE_PROTOBUF_PROTOS)
  message(FATAL_ERROR "google/protobuf/compiler/plugin.proto is needed: apt-get install libprotoc-dev libprotobuf-dev")
endif()

# The plugin runs on this machine, so a cross build takes it from a small native build of its own.
if(PONTE_WASM AND EXISTS "${CMAKE_SOURCE_DIR}/tools/protoc-gen-ponte/CMakeLists.txt")
  include(ExternalProject)
  set(plugin "${CMAKE_BINARY_DIR}/host/bin/protoc-gen-ponte")
  ExternalProject_Add(host_tools
    SOURCE_DIR "${CMAKE_SOURCE_DIR}"
    BINARY_DIR "${CMAKE_BINARY_DIR}/host"
    PREFIX "${CMAKE_BINARY_DIR}/host-stamps"
    CMAKE_GENERATOR Ninja
    CMAKE_ARGS -DPONTE_PRESET=host-tools -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Debug
    BUILD_COMMAND "${CMAKE_COMMAND}" --build "${CMAKE_BINARY_DIR}/host" --target protoc-gen-ponte
    INSTALL_COMMAND ""
    BUILD_ALWAYS ON
    BUILD_BYPRODUCTS "${plugin}")
  add_executable(protoc-gen-ponte IMPORTED GLOBAL)
  set_target_properties(protoc-gen-ponte PROPERTIES IMPORTED_LOCATION "${plugin}")
  add_dependencies(protoc-gen-ponte host_tools)
endif()

function(add_proto name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "PLAIN;NO_SERVER" "ROOT" "FILES;DEPS")
  if(NOT PONTE_PROTOC OR NOT PONTE_PROTOC_C)
    message(FATAL_ERROR "protoc and protoc-c are needed: apt-get install protobuf-compiler protobuf-c-compiler")
  endif()
  if(NOT arg_ROOT)
    set(arg_ROOT "${CMAKE_CURRENT_SOURCE_DIR}")
  endif()
  set(gen "${CMAKE_BINARY_DIR}/gen/${name}")
  file(MAKE_DIRECTORY "${gen}")
  set(imports "-I${arg_ROOT}")
  foreach(dep IN LISTS arg_DEPS)
    get_property(root GLOBAL PROPERTY PONTE_PROTO_ROOT_${dep})
    if(root)
      list(APPEND imports "-I${root}")
    endif()
  endforeach()
  list(REMOVE_DUPLICATES imports)
  set(sources)
  set(server_sources)
  set(svc_sources)
  foreach(file IN LISTS arg_FILES)
    string(REGEX REPLACE "\\.proto$" "" stem ${file})
    set(input "${arg_ROOT}/${file}")
    add_custom_command(
      OUTPUT "${gen}/${stem}.pb-c.c" "${gen}/${stem}.pb-c.h"
      COMMAND "${PONTE_PROTOC_C}" ${imports} "--c_out=${gen}" "${input}"
      DEPENDS "${input}" VERBATIM COMMENT "protoc-c ${file}")
    list(APPEND sources "${gen}/${stem}.pb-c.c")
    # protobuf-c's own output is not ours to keep warning-free.
    set_source_files_properties("${gen}/${stem}.pb-c.c" PROPERTIES COMPILE_OPTIONS "-w")
    if(NOT arg_PLAIN)
      set(generated "${gen}/${stem}.ponte.c" "${gen}/${stem}.ponte.h"
          "${gen}/${stem}.ponte.server.c" "${gen}/${stem}.ponte.server.h"
          "${gen}/${stem}.ponte.svc.c" "${gen}/${stem}.ponte.svc.h")
      add_custom_command(
        OUTPUT ${generated}
        COMMAND "${PONTE_PROTOC}" "--plugin=protoc-gen-ponte=$<TARGET_FILE:protoc-gen-ponte>" ${imports}
                "--ponte_out=${gen}" "${input}"
        DEPENDS "${input}" protoc-gen-ponte VERBATIM COMMENT "protoc-gen-ponte ${file}")
      # Headers too, so that the server's half waits for them.
      list(APPEND sources "${gen}/${stem}.ponte.c" "${gen}/${stem}.ponte.h" "${gen}/${stem}.ponte.server.h"
           "${gen}/${stem}.ponte.svc.h")
      list(APPEND server_sources "${gen}/${stem}.ponte.server.c")
      list(APPEND svc_sources "${gen}/${stem}.ponte.svc.c")
    endif()
  endforeach()
  if(NOT arg_PLAIN)
    list(APPEND arg_DEPS pb)
    list(REMOVE_DUPLICATES arg_DEPS)
  endif()
  ponte_targets(deps ${arg_DEPS})
  ponte_targets(runtime deps::protobuf-c)
  add_library(ponte_${name} STATIC ${sources})
  target_include_directories(ponte_${name} PUBLIC "${gen}")
  target_link_libraries(ponte_${name} PUBLIC ${deps} ${runtime})
  target_compile_options(ponte_${name} PRIVATE ${PONTE_WARNINGS})
  set_property(GLOBAL PROPERTY PONTE_PROTO_ROOT_${name} "${arg_ROOT}")
  if(server_sources AND NOT arg_NO_SERVER AND NOT PONTE_WASM)
    add_library(ponte_${name}_server STATIC ${server_sources})
    ponte_targets(server_deps ${name} rpc)
    target_link_libraries(ponte_${name}_server PUBLIC ${server_deps})
    target_compile_options(ponte_${name}_server PRIVATE ${PONTE_WARNINGS})
    # The framework comes later in the order of folders, and most protos have no service on it.
    add_library(ponte_${name}_svc STATIC EXCLUDE_FROM_ALL ${svc_sources})
    target_link_libraries(ponte_${name}_svc PUBLIC ponte_${name} ponte_svc)
    target_compile_options(ponte_${name}_svc PRIVATE ${PONTE_WARNINGS})
  endif()
endfunction()
