# Toolchain of the preset wasm: Debian's Emscripten, wherever emcc really lives.
find_program(PONTE_EMCC emcc)
if(NOT PONTE_EMCC)
  message(FATAL_ERROR "emcc is missing: apt-get install --no-install-recommends emscripten")
endif()
file(REAL_PATH "${PONTE_EMCC}" emcc)
cmake_path(GET emcc PARENT_PATH EMSCRIPTEN_ROOT_PATH)
include("${EMSCRIPTEN_ROOT_PATH}/cmake/Modules/Platform/Emscripten.cmake")

# Emscripten would pass flags that newer Nodes refuse.
find_program(PONTE_NODE NAMES node nodejs)
set(CMAKE_CROSSCOMPILING_EMULATOR "${PONTE_NODE}")

# A Node that is not Debian's does not look where Debian puts the JavaScript packages that emcc's linker needs.
set(CMAKE_C_LINKER_LAUNCHER env NODE_PATH=/usr/share/nodejs)
