# Embedded speech: Moonshine and Piper through ONNX Runtime (AL_LOCAL_SPEECH), flite, espeak-ng as a process.
find_path(FLITE_INCLUDE_DIR flite/flite.h REQUIRED)
foreach(part flite flite_usenglish flite_cmulex flite_cmu_us_kal flite_cmu_us_kal16 flite_cmu_us_rms flite_cmu_us_slt
        flite_cmu_us_awb)
  find_library(FLITE_${part} ${part} REQUIRED)
  list(APPEND FLITE_LIBRARIES "${FLITE_${part}}")
endforeach()
find_package(Threads REQUIRED)

al_library(local_speech
  SOURCES local_utterance.cpp local_phonemes.cpp local_sentences.cpp local_niqqud.cpp local_espeak.cpp
          local_tts.cpp local_speech.cpp
  DEPS al::provider_chain al::audio al::core
  PRIVATE_DEPS Threads::Threads ${FLITE_LIBRARIES})
target_include_directories(al_local_speech SYSTEM PRIVATE "${FLITE_INCLUDE_DIR}")
set_source_files_properties(local_phonemes.cpp PROPERTIES COMPILE_OPTIONS "-Wno-old-style-cast")

file(RELATIVE_PATH speech_from_program "${CMAKE_INSTALL_FULL_BINDIR}" "${CMAKE_INSTALL_FULL_LIBDIR}/agentlocator")
if(AL_LOCAL_SPEECH)
  find_package(OnnxRuntime REQUIRED)
  target_sources(al_local_speech PRIVATE local_onnx.cpp local_moonshine.cpp local_piper.cpp local_stt.cpp)
  target_link_libraries(al_local_speech PRIVATE OnnxRuntime::OnnxRuntime)
  set(speech_build_folder "${AL_SPEECH_DIR}")
endif()
target_compile_definitions(al_local_speech PRIVATE
  AL_LOCAL_SPEECH=$<BOOL:${AL_LOCAL_SPEECH}> AL_SPEECH_FROM_PROGRAM="${speech_from_program}"
  AL_SPEECH_BUILD_FOLDER="${speech_build_folder}")

al_test(local_speech SOURCES local_utterance_test.cpp local_phonemes_test.cpp local_sentences_test.cpp
  local_espeak_test.cpp local_tts_test.cpp DEPS al::local_speech TIMEOUT 300)
if(AL_LOCAL_SPEECH)
  al_test(local_engines SOURCES local_speech_test.cpp DEPS al::local_speech TIMEOUT 600 ONE_PROCESS)
endif()

if(AL_BUILD_BENCHES AND AL_LOCAL_SPEECH)
  add_executable(al_local_speech_bench local_speech_bench.cpp)
  target_link_libraries(al_local_speech_bench PRIVATE al_options al::local_speech)
endif()
