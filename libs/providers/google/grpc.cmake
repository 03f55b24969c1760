# The service definition is compiled at build time; warnings are off for what protoc writes.
find_package(Protobuf REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(GRPCPP REQUIRED IMPORTED_TARGET grpc++>=1.51)
find_program(AL_GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)

set(AL_GOOGLE_OUT "${CMAKE_CURRENT_BINARY_DIR}/generated")
set(AL_GOOGLE_PROTOS providers/google/cloud_speech.proto providers/google/rpc_status.proto)
set(AL_GOOGLE_SOURCES "")
foreach(proto ${AL_GOOGLE_PROTOS})
  string(REGEX REPLACE "\\.proto$" "" stem "${proto}")
  list(APPEND AL_GOOGLE_SOURCES "${AL_GOOGLE_OUT}/${stem}.pb.cc")
endforeach()
list(APPEND AL_GOOGLE_SOURCES "${AL_GOOGLE_OUT}/providers/google/cloud_speech.grpc.pb.cc")
set(AL_GOOGLE_HEADERS ${AL_GOOGLE_SOURCES})
list(TRANSFORM AL_GOOGLE_HEADERS REPLACE "\\.cc$" ".h")

file(MAKE_DIRECTORY "${AL_GOOGLE_OUT}")
add_custom_command(
  OUTPUT ${AL_GOOGLE_SOURCES} ${AL_GOOGLE_HEADERS}
  COMMAND protobuf::protoc "-I${PROJECT_SOURCE_DIR}/libs" "--cpp_out=${AL_GOOGLE_OUT}" "--grpc_out=${AL_GOOGLE_OUT}"
          "--plugin=protoc-gen-grpc=${AL_GRPC_CPP_PLUGIN}" ${AL_GOOGLE_PROTOS}
  WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}/libs"
  DEPENDS "${PROJECT_SOURCE_DIR}/libs/providers/google/cloud_speech.proto"
          "${PROJECT_SOURCE_DIR}/libs/providers/google/rpc_status.proto"
  COMMENT "Compiling the Google service definition")

add_library(al_google_proto STATIC ${AL_GOOGLE_SOURCES})
target_include_directories(al_google_proto SYSTEM PUBLIC "${AL_GOOGLE_OUT}")
target_compile_options(al_google_proto PRIVATE -w)
target_link_libraries(al_google_proto PUBLIC protobuf::libprotobuf PkgConfig::GRPCPP)

al_library(provider_google
  SOURCES google_stt.cpp google_service.cpp google_turn.cpp google_stream.cpp google_transcript.cpp
  DEPS al::provider_http
  PRIVATE_DEPS al_google_proto)

al_library(provider_google_fake
  SOURCES fakes/fake_google_speech.cpp
  DEPS al::provider_fakes
  PRIVATE_DEPS al_google_proto)
