#!/bin/sh
# lws.sh OUT WORK TARBALL -- static libwebsockets: only its raw role, TLS and client are in use. HTTP/2 off, because its ALPN
# handling would take connections over; libuv in, because its poll() loop scans every idle connection.
set -eu
mkdir "$2/src"
tar xf "$3" -C "$2/src" --strip-components=1 --no-same-owner --exclude='*/minimal-examples*' --exclude='*/doc-assets'
cmake -S "$2/src" -B "$2/obj" -G Ninja -DCMAKE_BUILD_TYPE=Release -DDISABLE_WERROR=ON \
  -DCMAKE_C_FLAGS="-ffunction-sections -fdata-sections -g1" -DCMAKE_C_FLAGS_RELEASE="-O2 -DNDEBUG" \
  -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DLWS_WITH_STATIC=ON -DLWS_WITH_SHARED=OFF \
  -DLWS_WITH_HTTP2=OFF -DLWS_WITH_LIBUV=ON -DLWS_WITH_EVLIB_PLUGINS=OFF -DLWS_WITH_PLUGINS=OFF \
  -DLWS_WITHOUT_EXTENSIONS=OFF -DLWS_WITH_ZLIB=ON -DLWS_WITH_CUSTOM_HEADERS=ON -DLWS_WITH_SSL=ON \
  -DLWS_WITHOUT_TESTAPPS=ON -DLWS_WITH_MINIMAL_EXAMPLES=OFF -DLWS_WITHOUT_CLIENT=OFF \
  -DLWS_WITH_NETLINK=OFF -DLWS_WITH_LEJP=OFF -DLWS_WITH_LEJP_CONF=OFF -DLWS_WITH_LWSAC=OFF \
  -DLWS_WITH_SYS_SMD=OFF -DLWS_WITH_SYS_STATE=OFF -DLWS_WITH_UPNG=OFF -DLWS_WITH_GZINFLATE=OFF -DLWS_WITH_JPEG=OFF \
  -DLWS_WITH_DLO=OFF -DLWS_WITH_SEQUENCER=OFF -DLWS_WITH_CONMON=OFF -DLWS_WITH_DIR=OFF -DLWS_IPV6=ON -DLWS_UNIX_SOCK=ON
ninja -C "$2/obj" websockets
mkdir "$1/lib"
cp "$2/obj/lib/libwebsockets.a" "$1/lib/"
cp -R "$2/src/include" "$1/include"
cp -R "$2/obj/include/." "$1/include/"
[ -f "$1/include/lws_config.h" ] || cp "$2/obj/lws_config.h" "$1/include/"
cp "$2/src/LICENSE" "$1/"
