# Build helpers: one call per library, test, benchmark and fuzzer, so that every room is built the same way.

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

find_program(AL_CCACHE ccache)
if(AL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER "${AL_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${AL_CCACHE}")
endif()
find_program(AL_MOLD mold)
if(AL_MOLD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_link_options(-fuse-ld=mold)
endif()

option(AL_SANITIZE "Address and undefined-behaviour sanitizers" OFF)
option(AL_TSAN "Thread sanitizer" OFF)
option(AL_WERROR "Warnings are errors" OFF)

# Warnings and hardening for our own code; linked PRIVATE everywhere.
add_library(al_options INTERFACE)
target_compile_features(al_options INTERFACE cxx_std_20)
target_compile_options(al_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-align -Woverloaded-virtual
  -Wconversion -Wno-sign-conversion -Wnull-dereference -Wformat=2
  -fstack-protector-strong -fno-omit-frame-pointer)
if(AL_WERROR)
  target_compile_options(al_options INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports these inside its own headers when it inlines (PR 105329, PR 105562).
  target_compile_options(al_options INTERFACE -Wno-restrict -Wno-maybe-uninitialized -Wno-null-dereference)
endif()

# Sanitizers change the ABI of containers, so they apply to everything in the build.
if(AL_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
elseif(AL_TSAN)
  add_compile_options(-fsanitize=thread)
  add_link_options(-fsanitize=thread)
else()
  add_compile_options($<$<CONFIG:Release,RelWithDebInfo>:-D_FORTIFY_SOURCE=2> -fcf-protection)
  add_link_options(-Wl,-z,relro,-z,now)
endif()

# al_library(audio SOURCES a.cpp b.cpp DEPS al::core PRIVATE_DEPS SndFile::sndfile)
# Makes al_audio with the alias al::audio. Headers are included as "audio/x.h".
function(al_library name)
  cmake_parse_arguments(L "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(al_${name} STATIC ${L_SOURCES})
  add_library(al::${name} ALIAS al_${name})
  target_include_directories(al_${name} PUBLIC "${PROJECT_SOURCE_DIR}/libs")
  target_link_libraries(al_${name} PUBLIC ${L_DEPS} PRIVATE al_options ${L_PRIVATE_DEPS})
endfunction()

# al_test(audio SOURCES g711_test.cpp DEPS al::audio [LABELS slow])  ->  al_audio_test, one ctest entry a test case,
# or one for the whole program with ONE_PROCESS.
function(al_test name)
  if(NOT AL_BUILD_TESTS)
    return()
  endif()
  cmake_parse_arguments(T "ONE_PROCESS" "TIMEOUT" "SOURCES;DEPS;LABELS;ENVIRONMENT" ${ARGN})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 120)
  endif()
  include(GoogleTest)
  find_package(GTest REQUIRED)
  add_executable(al_${name}_test ${T_SOURCES})
  target_include_directories(al_${name}_test PRIVATE "${PROJECT_SOURCE_DIR}")
  target_compile_definitions(al_${name}_test PRIVATE AL_SOURCE_DIR="${PROJECT_SOURCE_DIR}" AL_BINARY_DIR="${PROJECT_BINARY_DIR}")
  target_link_libraries(al_${name}_test PRIVATE al_options ${T_DEPS} GTest::gtest GTest::gmock GTest::gtest_main)
  # What takes long to load (models) is loaded once for all tests of the program.
  if(T_ONE_PROCESS)
    add_test(NAME ${name} COMMAND al_${name}_test)
    set_tests_properties(${name} PROPERTIES TIMEOUT ${T_TIMEOUT} LABELS "${name};${T_LABELS}" ENVIRONMENT "${T_ENVIRONMENT}")
    return()
  endif()
  gtest_discover_tests(al_${name}_test DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 TEST_PREFIX "${name}."
    PROPERTIES TIMEOUT ${T_TIMEOUT} LABELS "${name};${T_LABELS}" ENVIRONMENT "${T_ENVIRONMENT}")
endfunction()

# al_bench(audio SOURCES g711_bench.cpp DEPS al::audio)  ->  al_audio_bench (Google Benchmark).
function(al_bench name)
  if(NOT AL_BUILD_BENCHES)
    return()
  endif()
  cmake_parse_arguments(B "" "" "SOURCES;DEPS" ${ARGN})
  find_package(benchmark REQUIRED)
  add_executable(al_${name}_bench ${B_SOURCES})
  target_compile_definitions(al_${name}_bench PRIVATE AL_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(al_${name}_bench PRIVATE al_options ${B_DEPS} benchmark::benchmark benchmark::benchmark_main)
endfunction()

# al_fuzz(twilio_media SOURCES media_fuzz.cpp DEPS al::twilio)
# With AL_BUILD_FUZZERS: a libFuzzer program. Otherwise the same target replays testdata/fuzz/<name>/* as a test.
function(al_fuzz name)
  cmake_parse_arguments(F "" "" "SOURCES;DEPS" ${ARGN})
  set(corpus "${PROJECT_SOURCE_DIR}/testdata/fuzz/${name}")
  if(AL_BUILD_FUZZERS)
    add_executable(al_${name}_fuzz ${F_SOURCES})
    target_link_libraries(al_${name}_fuzz PRIVATE al_options ${F_DEPS})
    target_link_options(al_${name}_fuzz PRIVATE -fsanitize=fuzzer)
  elseif(AL_BUILD_TESTS)
    add_executable(al_${name}_fuzz ${F_SOURCES} "${PROJECT_SOURCE_DIR}/scripts/cmake/fuzz_replay_main.cpp")
    target_link_libraries(al_${name}_fuzz PRIVATE al_options ${F_DEPS})
    add_test(NAME fuzz.${name} COMMAND al_${name}_fuzz "${corpus}")
    set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 120)
  endif()
endfunction()
