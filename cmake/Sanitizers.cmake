# Sanitizer flags of the presets asan, tsan and fuzz, and the environment their tests run in.
set(PONTE_TEST_ENVIRONMENT
    "PONTE_SOURCE_DIR=${CMAKE_SOURCE_DIR}"
    "PONTE_BUILD_DIR=${CMAKE_BINARY_DIR}"
    "PONTE_WEB_DIR=${CMAKE_SOURCE_DIR}/build/web"
    "PONTE_PRESET=${PONTE_PRESET}")

if(PONTE_PRESET STREQUAL "asan" OR PONTE_PRESET STREQUAL "fuzz")
  set(sanitize -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  if(PONTE_PRESET STREQUAL "fuzz")
    # Coverage in every module; libFuzzer's main only where ponte_fuzz() links it.
    list(APPEND sanitize -fsanitize=fuzzer-no-link)
  endif()
  list(APPEND PONTE_TEST_ENVIRONMENT
       "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0"
       "UBSAN_OPTIONS=print_stacktrace=1")
elseif(PONTE_PRESET STREQUAL "tsan")
  set(sanitize -fsanitize=thread -fno-omit-frame-pointer)
  # gRPC and its friends are not instrumented: what they lock and free among themselves is not ours to judge.
  list(APPEND PONTE_TEST_ENVIRONMENT "TSAN_OPTIONS=ignore_noninstrumented_modules=1:halt_on_error=1:second_deadlock_stack=1")
endif()

if(sanitize)
  add_compile_options(${sanitize})
  add_link_options(${sanitize})
endif()
