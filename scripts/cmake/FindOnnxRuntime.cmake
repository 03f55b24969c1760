# Finds ONNX Runtime and the speech models in the folder that scripts/fetch-speech fills.
#
#   AL_SPEECH_DIR             the folder; default: the environment's AL_SPEECH_DIR, else build/speech of the source tree
#   OnnxRuntime::OnnxRuntime  imported library with its include folder; programs find it by run path, both in the build
#                             tree and installed (al_install_speech)
#   al_install_speech(target…)  gives installed programs a run path to <libdir>/agentlocator and installs the library,
#                             the models and their notices there (once)
#
# Without the folder this stops with one clear message: embedded speech is wanted (AL_LOCAL_SPEECH=ON), but not there.

include_guard(GLOBAL)

if(DEFINED ENV{AL_SPEECH_DIR})
  set(_al_speech_default "$ENV{AL_SPEECH_DIR}")
else()
  set(_al_speech_default "${PROJECT_SOURCE_DIR}/build/speech")
endif()
set(AL_SPEECH_DIR "${_al_speech_default}" CACHE PATH "Folder filled by scripts/fetch-speech")

set(_ort_library "${AL_SPEECH_DIR}/lib/libonnxruntime.so")
set(_ort_include "${AL_SPEECH_DIR}/include/onnxruntime")
foreach(_file "${_ort_library}" "${_ort_include}/onnxruntime_cxx_api.h" "${AL_SPEECH_DIR}/STAMP")
  if(NOT EXISTS "${_file}")
    message(FATAL_ERROR
      "Embedded speech is on (AL_LOCAL_SPEECH=ON), but ${_file} is missing.\n"
      "Either fetch the engines, about 220 MB:   scripts/fetch-speech\n"
      "or build without them:                    cmake -DAL_LOCAL_SPEECH=OFF …\n"
      "Elsewhere than build/speech? Say so:      cmake -DAL_SPEECH_DIR=/folder …")
  endif()
endforeach()

if(NOT TARGET OnnxRuntime::OnnxRuntime)
  add_library(OnnxRuntime::OnnxRuntime SHARED IMPORTED GLOBAL)
  # SYSTEM headers: their warnings are not ours. The build tree's run path comes from IMPORTED_LOCATION.
  set_target_properties(OnnxRuntime::OnnxRuntime PROPERTIES
    IMPORTED_LOCATION "${_ort_library}"
    IMPORTED_SONAME libonnxruntime.so
    INTERFACE_INCLUDE_DIRECTORIES "${_ort_include}")
endif()

function(al_install_speech)
  include(GNUInstallDirs)
  set(folder "${CMAKE_INSTALL_LIBDIR}/agentlocator")
  file(RELATIVE_PATH back "${CMAKE_INSTALL_FULL_BINDIR}" "${CMAKE_INSTALL_FULL_LIBDIR}/agentlocator")
  foreach(target IN LISTS ARGN)
    set_property(TARGET ${target} APPEND PROPERTY INSTALL_RPATH "$ORIGIN/${back}")
  endforeach()
  get_property(done GLOBAL PROPERTY AL_SPEECH_INSTALLED)
  if(done)
    return()
  endif()
  set_property(GLOBAL PROPERTY AL_SPEECH_INSTALLED TRUE)
  install(FILES "${AL_SPEECH_DIR}/lib/libonnxruntime.so" DESTINATION "${folder}")
  install(DIRECTORY "${AL_SPEECH_DIR}/models" DESTINATION "${folder}")
  install(FILES "${AL_SPEECH_DIR}/LICENSES" DESTINATION "${folder}" RENAME LICENSES.speech)
endfunction()

set(OnnxRuntime_FOUND TRUE)
