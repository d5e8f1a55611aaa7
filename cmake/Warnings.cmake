# The warnings every line of ours compiles under; third-party headers arrive as system headers.
set(PONTE_WARNINGS
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wformat=2
    -Wwrite-strings -Wundef)
if(PONTE_WERROR)
  list(APPEND PONTE_WARNINGS -Werror)
endif()
