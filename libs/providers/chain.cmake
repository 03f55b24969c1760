# Chains of providers, their breakers and the cache of spoken phrases: no provider and no network in here.
al_library(provider_chain
  SOURCES circuit_breaker.cpp scheduler.cpp provider_events.cpp chain_stt.cpp chain_model.cpp chain_tts.cpp
  DEPS al::core
  PRIVATE_DEPS Threads::Threads)

al_test(provider_chain
  SOURCES circuit_breaker_test.cpp chain_stt_test.cpp chain_race_test.cpp scheduler_test.cpp
  DEPS al::provider_chain)
