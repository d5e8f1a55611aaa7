# Language, output folders and optimisation of every preset.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(CMAKE_SYSTEM_NAME STREQUAL "Emscripten")
  set(PONTE_WASM ON)
else()
  set(PONTE_WASM OFF)
endif()

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(PONTE_TEST_DIR "${CMAKE_BINARY_DIR}/tests")

# Asserts stay on in release: they guard our own bugs, cost little, and a gateway that stops is better than one
# that answers a stranger's request with another user's bytes.
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1")

add_compile_definitions(_GNU_SOURCE)
add_compile_options(-fno-common -ffunction-sections -fdata-sections)
if(PONTE_WASM)
  # Debug information of a release build would be downloaded by every browser. The client waits for the network and is small rather than fast; the encoder has -O3 of its own.
  set(CMAKE_C_FLAGS_RELEASE "-Os")
else()
  add_link_options(-Wl,--gc-sections -Wl,--as-needed)
  if(PONTE_PRESET STREQUAL "release")
    add_compile_options(-fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
    add_link_options(-pie -Wl,-z,relro,-z,now)
  endif()
endif()
