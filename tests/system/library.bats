#!/usr/bin/env bats
# libpinion as a program elsewhere finds it: installed into a folder of its own.

bats_require_minimum_version 1.5.0

setup_file() {
    : "${PINION_BUILD:?expected the build folder}" "${PINION_SOURCE:?expected the source folder}"
    export PREFIX=$BATS_FILE_TMPDIR/prefix
    cmake --install "$PINION_BUILD" --prefix "$PREFIX" >/dev/null
    LIBRARY=$(find "$PREFIX" -name libpinion.so)
    export LIBRARY PKG_CONFIG_PATH=${LIBRARY%/*}/pkgconfig LD_LIBRARY_PATH=${LIBRARY%/*}
}

setup() {
    cd "$BATS_TEST_TMPDIR"
}

# What the library was built with is needed again; the address of a shared library's is not known.
compile() { # OUTPUT FLAGS...
    local output=$1
    shift
    # shellcheck disable=SC2086 # a list of flags
    "${CC:-cc}" $PINION_SANITIZE_FLAGS -o "$output" "$PINION_SOURCE/examples/loop.c" "$@"
}

@test "pkg-config: a program with the shared library" {
    # shellcheck disable=SC2046
    compile loop $(pkg-config --define-variable=prefix="$PREFIX" --cflags --libs pinion) -lev
    ldd loop | grep -q "libpinion.so.* => $PREFIX"
    run -0 ./loop "$BATS_TEST_TMPDIR/state"
    [[ "$output" == *"a job says 'hello'"* ]]
}

@test "pkg-config --static: a program with the library in it" {
    local flags
    flags=$(pkg-config --define-variable=prefix="$PREFIX" --static --cflags --libs pinion)
    # shellcheck disable=SC2086
    compile loop ${flags/-lpinion/-l:libpinion.a}
    run -1 grep -q libpinion <(ldd loop)
    run -0 ./loop "$BATS_TEST_TMPDIR/state"
    [[ "$output" == *"a job says 'hello'"* ]]
}

@test "find_package: a project that uses CMake" {
    cat >CMakeLists.txt <<END
cmake_minimum_required(VERSION 3.22)
project(mine LANGUAGES C)
find_package(pinion 0.1 REQUIRED)
add_executable(loop $PINION_SOURCE/examples/loop.c)
target_link_libraries(loop pinion::pinion ev)
END
    cmake -B build -DCMAKE_PREFIX_PATH="$PREFIX" -DCMAKE_C_FLAGS="$PINION_SANITIZE_FLAGS" >/dev/null
    cmake --build build >/dev/null
    run -0 build/loop "$BATS_TEST_TMPDIR/state"
}

@test "the installed command works" {
    run -0 "$PREFIX/bin/pinion" version
}

@test "the interface is the one that is written down" {
    "$PINION_SOURCE/tests/system/interface.sh" "$PREFIX/include/pinion.h" "$LIBRARY" >found
    diff -u "$PINION_SOURCE/tests/system/interface.txt" found
}
