# add_module() and add_program(): one folder, one module.
#
# A module's headers are included as "PREFIX/x.h". The compiler finds them through a view of symbolic links,
# <build>/include/<NAME>/<PREFIX> -> the module's folder, and a module's include path holds only its own view and those of
# its declared DEPS (transitively). So an include that is not declared does not compile, and layers stay layers.

# Turns names of modules into targets: "base" -> ponte_base; "deps::opus", "Threads::Threads" and "-lm" stay.
function(ponte_targets out)
  set(targets)
  foreach(name IN LISTS ARGN)
    if(name MATCHES "::|^-|^\\$<")
      list(APPEND targets ${name})
    else()
      list(APPEND targets ponte_${name})
    endif()
  endforeach()
  set(${out} ${targets} PARENT_SCOPE)
  set_property(GLOBAL APPEND PROPERTY PONTE_WANTED_TARGETS ${targets})
endfunction()

function(ponte_include_view name prefix folder out)
  set(root "${CMAKE_BINARY_DIR}/include/${name}")
  cmake_path(GET prefix PARENT_PATH parent)
  file(MAKE_DIRECTORY "${root}/${parent}")
  if(NOT IS_SYMLINK "${root}/${prefix}")
    file(CREATE_LINK "${folder}" "${root}/${prefix}" SYMBOLIC)
  endif()
  set(${out} "${root}" PARENT_SCOPE)
endfunction()

# add_module(NAME
#   SOURCES a.c b.c        none: a module of headers only
#   DEPS base wire         modules or imported targets whose headers this module's headers or sources may include
#   PRIVATE_DEPS X::y      the same, but hidden from those who use this module
#   TESTS a_test.c         each becomes an executable and a ctest test NAME.a
#   TEST_DEPS asr_fake     what only the tests need
#   TEST_TIMEOUT seconds   default 120
#   PREFIX gateway/stream) default NAME
function(add_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "PREFIX;TEST_TIMEOUT" "SOURCES;DEPS;PRIVATE_DEPS;TESTS;TEST_DEPS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "add_module(${name}): unexpected ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_PREFIX)
    set(arg_PREFIX ${name})
  endif()
  ponte_include_view(${name} ${arg_PREFIX} "${CMAKE_CURRENT_SOURCE_DIR}" view)
  ponte_targets(deps ${arg_DEPS})
  ponte_targets(private_deps ${arg_PRIVATE_DEPS})
  set(target ponte_${name})
  if(arg_SOURCES)
    add_library(${target} STATIC ${arg_SOURCES})
    target_include_directories(${target} PUBLIC "${view}")
    target_link_libraries(${target} PUBLIC ${deps} PRIVATE ${private_deps})
    target_compile_options(${target} PRIVATE ${PONTE_WARNINGS})
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE "${view}")
    target_link_libraries(${target} INTERFACE ${deps})
  endif()
  if(PONTE_PRESET STREQUAL "dev")
    ponte_headers_alone(${name} ${arg_PREFIX} ${private_deps})
  endif()
  if(arg_TEST_TIMEOUT)
    set(timeout TIMEOUT ${arg_TEST_TIMEOUT})
  endif()
  foreach(source IN LISTS arg_TESTS)
    cmake_path(GET source STEM stem)
    string(REGEX REPLACE "_test$" "" stem ${stem})
    add_unit_test(${name}.${stem} SOURCES ${source} DEPS ${name} ${arg_TEST_DEPS} ${arg_PRIVATE_DEPS} ${timeout})
  endforeach()
endfunction()

# Target `headers`: each header compiles alone, with nothing but what its module declares.
function(ponte_headers_alone name prefix)
  file(GLOB headers CONFIGURE_DEPENDS RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" *.h)
  list(FILTER headers EXCLUDE REGEX "^test(ing_.*)?\\.h$") # static helpers of tests, unused until there is a test
  if(NOT headers)
    return()
  endif()
  set(sources)
  foreach(header IN LISTS headers)
    set(source "${CMAKE_BINARY_DIR}/headers/${name}/${header}.c")
    file(CONFIGURE OUTPUT "${source}" CONTENT "#include \"${prefix}/${header}\"\n")
    list(APPEND sources "${source}")
  endforeach()
  add_library(headers_${name} OBJECT EXCLUDE_FROM_ALL ${sources})
  target_link_libraries(headers_${name} PRIVATE ponte_${name} ${ARGN})
  target_compile_options(headers_${name} PRIVATE ${PONTE_WARNINGS})
  if(NOT TARGET headers)
    add_custom_target(headers)
  endif()
  add_dependencies(headers headers_${name})
endfunction()

# add_program(NAME SOURCES main.c DEPS base gateway): an executable in <build>/bin. The target `programs` builds them all.
function(add_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS")
  ponte_targets(deps ${arg_DEPS})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${deps})
  target_compile_options(${name} PRIVATE ${PONTE_WARNINGS})
  add_dependencies(programs ${name})
endfunction()
add_custom_target(programs)

# A missing module or package is named here, once, instead of as a linker's riddle.
function(ponte_check_dependencies)
  get_property(wanted GLOBAL PROPERTY PONTE_WANTED_TARGETS)
  list(REMOVE_DUPLICATES wanted)
  set(missing)
  foreach(target IN LISTS wanted)
    if(target MATCHES "^-|^\\$<" OR TARGET ${target})
      continue()
    endif()
    get_property(hint GLOBAL PROPERTY PONTE_HINT_${target})
    list(APPEND missing "  ${target} ${hint}")
  endforeach()
  if(missing)
    list(JOIN missing "\n" lines)
    message(FATAL_ERROR "These dependencies are declared but missing:\n${lines}\n`./run.sh --build` installs and fetches everything.")
  endif()
endfunction()
