# add_service(users
#   PROTO users_proto      the add_proto() module of its .proto
#   SOURCES service.c ...  one of them defines `const svc_definition NAME_definition` (services/svc/svc.h)
#   DEPS users_domain      what else it includes; the framework, the store and the generated code come by themselves
#   PRIVATE_DEPS X::y
#   TESTS service_test.c   each runs on SQLite and on PostgreSQL, with services/svc/testing/world.h
#   TEST_DEPS orders
#   NO_HOST                ponte-services does not host it)
#
# One service: its module NAME, its tests, its place in ponte-services. docs/adding-a-service.md walks through one.
function(add_service name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "NO_HOST" "PROTO" "SOURCES;DEPS;PRIVATE_DEPS;TESTS;TEST_DEPS")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_PROTO)
    message(FATAL_ERROR "add_service(${name}): PROTO is needed; unexpected: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  add_module(${name} SOURCES ${arg_SOURCES} DEPS svc store ${arg_PROTO} ${arg_PROTO}_svc ${arg_DEPS}
             PRIVATE_DEPS ${arg_PRIVATE_DEPS})
  foreach(source IN LISTS arg_TESTS)
    cmake_path(GET source STEM stem)
    string(REGEX REPLACE "_test$" "" stem ${stem})
    add_store_test(${name}.${stem} SOURCES ${source} DEPS ${name} svc_testing ${arg_TEST_DEPS} ${arg_PRIVATE_DEPS})
  endforeach()
  if(NOT arg_NO_HOST)
    set_property(GLOBAL APPEND PROPERTY PONTE_SERVICES ${name})
  endif()
endfunction()

# The C table of all hosted services, in the order of the folders, which is the order in which they start; *out: their modules.
function(ponte_service_registry file out)
  get_property(services GLOBAL PROPERTY PONTE_SERVICES)
  set(externs)
  set(rows)
  foreach(name IN LISTS services)
    string(APPEND externs "extern const svc_definition ${name}_definition;\n")
    string(APPEND rows "&${name}_definition, ")
  endforeach()
  file(CONFIGURE OUTPUT "${file}" CONTENT "#include \"services/registry.h\"\n
@externs@
const svc_definition *const services_registry[] = {@rows@NULL};\n" @ONLY)
  set(${out} ${services} PARENT_SCOPE)
endfunction()
