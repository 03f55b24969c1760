# The chains of a program, built from its settings: everything of this room together.
al_library(providers
  SOURCES factory.cpp factory_makers.cpp
  DEPS al::provider_chain al::provider_http al::local_speech al::dialog al::net al::core
  PRIVATE_DEPS nlohmann_json::nlohmann_json)
target_compile_definitions(al_providers PRIVATE AL_GRPC=$<BOOL:${AL_GRPC}>)
if(AL_GRPC)
  target_link_libraries(al_providers PRIVATE al::provider_google)
endif()

al_test(providers SOURCES factory_test.cpp fakes/fake_world_test.cpp DEPS al::providers al::provider_fake_world)
if(TARGET al_providers_test)
  target_compile_definitions(al_providers_test PRIVATE AL_GRPC=$<BOOL:${AL_GRPC}>)
endif()
