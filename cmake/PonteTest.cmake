# Tests and their labels: unit, integration, browser, wasm, fuzz, style. Every test has a time limit and the environment of
# cmake/Sanitizers.cmake; `ctest --preset P -L unit -R name` picks.

function(ponte_register_test name label timeout)
  if(NOT timeout)
    set(timeout 120)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${label}" TIMEOUT ${timeout} ENVIRONMENT "${PONTE_TEST_ENVIRONMENT}")
endfunction()

function(ponte_test_executable name sources deps)
  ponte_targets(targets ${deps} base)
  add_executable(${name} ${sources})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PONTE_TEST_DIR}")
  target_link_libraries(${name} PRIVATE ${targets})
  target_compile_options(${name} PRIVATE ${PONTE_WARNINGS})
  if(PONTE_WASM)
    # Node 20 compiles asynchronously otherwise and the exit code is lost; NODERAWFS lets tests read golden files.
    target_link_options(${name} PRIVATE -sWASM_ASYNC_COMPILATION=0 -sEXIT_RUNTIME=1 -sALLOW_MEMORY_GROWTH=1 -sNODERAWFS=1
                        -sASSERTIONS=1 -sSTACK_OVERFLOW_CHECK=2)
  endif()
endfunction()

# add_unit_test(NAME SOURCES x_test.c DEPS x [TIMEOUT seconds]): one process, no other program. In the wasm preset it runs in Node.
function(add_unit_test name)
  if(PONTE_PRESET MATCHES "^(fuzz|host-tools)$")
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;DEPS")
  ponte_test_executable(${name} "${arg_SOURCES}" "${arg_DEPS}")
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
  if(PONTE_WASM)
    ponte_register_test(${name} wasm "${arg_TIMEOUT}")
  else()
    ponte_register_test(${name} unit "${arg_TIMEOUT}")
  endif()
endfunction()

# add_store_test(NAME SOURCES x_test.c DEPS x store_testing [TIMEOUT seconds] [PROGRAMS ...] [ARGS ...]): a test of what keeps records, registered twice: NAME.sqlite,
# and NAME.postgres, which tests/lib/with_postgres.sh gives a server of its own through PONTE_TEST_POSTGRES (skipped where PostgreSQL is not installed). It takes its
# place from services/engines/store/testing.h.
function(add_store_test name)
  if(PONTE_WASM OR PONTE_PRESET MATCHES "^(fuzz|host-tools)$")
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;DEPS;PROGRAMS;ARGS")
  ponte_test_executable(${name} "${arg_SOURCES}" "${arg_DEPS}")
  add_test(NAME ${name}.sqlite COMMAND ${name} ${arg_ARGS} WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
  add_test(NAME ${name}.postgres COMMAND sh "${PROJECT_SOURCE_DIR}/tests/lib/with_postgres.sh" $<TARGET_FILE:${name}> ${arg_ARGS}
           WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
  foreach(engine sqlite postgres)
    ponte_register_test(${name}.${engine} unit "${arg_TIMEOUT}")
    ponte_test_programs(${name}.${engine} "${arg_PROGRAMS}")
  endforeach()
  foreach(program IN LISTS arg_PROGRAMS)
    add_dependencies(${name} ${program})
  endforeach()
  set_tests_properties(${name}.postgres PROPERTIES LABELS integration SKIP_RETURN_CODE 77)
endfunction()

# add_integration_test(NAME SOURCES x.c DEPS a b [PROGRAMS ponte-gateway] [TIMEOUT seconds] [ARGS ...] [SERIAL]):
# a C program that starts real processes. Each program's path is in the environment: PONTE_GATEWAY=<path> for ponte-gateway.
function(add_integration_test name)
  if(PONTE_WASM OR PONTE_PRESET MATCHES "^(fuzz|host-tools)$")
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "TIMEOUT" "SOURCES;DEPS;PROGRAMS;ARGS")
  ponte_test_executable(${name} "${arg_SOURCES}" "${arg_DEPS}")
  add_test(NAME ${name} COMMAND ${name} ${arg_ARGS} WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
  ponte_register_test(${name} integration "${arg_TIMEOUT}")
  ponte_test_programs(${name} "${arg_PROGRAMS}")
  set_tests_properties(${name} PROPERTIES RUN_SERIAL ${arg_SERIAL})
endfunction()

# add_command_test(NAME LABEL style COMMAND sh x.sh ... [PROGRAMS ...] [TIMEOUT seconds] [SERIAL]): any other command.
# Style is judged once, in dev, and the browser meets what users meet: release.
function(add_command_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "TIMEOUT;LABEL" "COMMAND;PROGRAMS")
  if(PONTE_PRESET MATCHES "^(fuzz|wasm|host-tools)$" OR (arg_LABEL STREQUAL "style" AND NOT PONTE_PRESET STREQUAL "dev")
     OR (arg_LABEL STREQUAL "browser" AND NOT PONTE_PRESET STREQUAL "release"))
    return()
  endif()
  add_test(NAME ${name} COMMAND ${arg_COMMAND} WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
  ponte_register_test(${name} ${arg_LABEL} "${arg_TIMEOUT}")
  ponte_test_programs(${name} "${arg_PROGRAMS}")
  set_tests_properties(${name} PROPERTIES RUN_SERIAL ${arg_SERIAL})
endfunction()

function(ponte_test_programs name programs)
  set(environment ${PONTE_TEST_ENVIRONMENT})
  foreach(program IN LISTS programs)
    string(TOUPPER ${program} variable)
    string(REPLACE "-" "_" variable ${variable})
    list(APPEND environment "${variable}=${CMAKE_BINARY_DIR}/bin/${program}")
    if(TARGET ${name})
      add_dependencies(${name} ${program})
    endif()
  endforeach()
  set_tests_properties(${name} PROPERTIES ENVIRONMENT "${environment}")
endfunction()

# add_fuzz_target(NAME SOURCES x_fuzz.c DEPS wire [CORPUS folder] [MAX_LEN bytes]):
# preset fuzz: libFuzzer, a run over the corpus and a short search (PONTE_FUZZ_SECONDS, default 15, seconds).
# elsewhere: the corpus as an ordinary test, through cmake/fuzz_main.c.
set(PONTE_FUZZ_SECONDS 15 CACHE STRING "how long each fuzz target searches in `ctest --preset fuzz`")
function(add_fuzz_target name)
  if(PONTE_WASM)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "CORPUS;MAX_LEN" "SOURCES;DEPS")
  if(NOT arg_CORPUS)
    set(arg_CORPUS "${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name}")
  endif()
  if(NOT arg_MAX_LEN)
    set(arg_MAX_LEN 65536)
  endif()
  if(NOT PONTE_PRESET STREQUAL "fuzz")
    ponte_test_executable(fuzz.${name} "${arg_SOURCES};${PROJECT_SOURCE_DIR}/cmake/fuzz_main.c" "${arg_DEPS}")
    add_test(NAME fuzz.${name} COMMAND fuzz.${name} "${arg_CORPUS}" WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
    ponte_register_test(fuzz.${name} fuzz "")
    return()
  endif()
  ponte_test_executable(fuzz.${name} "${arg_SOURCES}" "${arg_DEPS}")
  target_link_options(fuzz.${name} PRIVATE -fsanitize=fuzzer)
  set(found "${CMAKE_BINARY_DIR}/fuzz/${name}")
  file(MAKE_DIRECTORY "${found}/corpus" "${found}/artifacts")
  add_test(NAME fuzz.${name}.corpus COMMAND fuzz.${name} -runs=0 "${arg_CORPUS}")
  ponte_register_test(fuzz.${name}.corpus fuzz "")
  add_test(NAME fuzz.${name}.search
           COMMAND fuzz.${name} -max_total_time=${PONTE_FUZZ_SECONDS} -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
                   -max_len=${arg_MAX_LEN} "-artifact_prefix=${found}/artifacts/" "${found}/corpus" "${arg_CORPUS}")
  math(EXPR limit "${PONTE_FUZZ_SECONDS} + 120")
  ponte_register_test(fuzz.${name}.search fuzz ${limit})
endfunction()
