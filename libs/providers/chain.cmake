# Chains of providers, their breakers and the cache of spoken phrases: no provider and no network in here.
find_package(Threads REQUIRED)
al_library(provider_chain
  SOURCES circuit_breaker.cpp scheduler.cpp provider_events.cpp chain_stt.cpp chain_stt_session.cpp chain_model.cpp chain_tts.cpp
          tts_cache.cpp tts_cache_file.cpp cached_tts.cpp phrase_warmer.cpp worker_pool.cpp
  DEPS al::dialog al::audio al::core
  PRIVATE_DEPS Threads::Threads)

al_test(provider_chain
  SOURCES circuit_breaker_test.cpp chain_stt_test.cpp chain_race_test.cpp scheduler_test.cpp tts_cache_test.cpp
          worker_pool_test.cpp chain_threads_test.cpp
  DEPS al::provider_chain)

# Whole calls over chains of ill providers, in virtual time.
al_test(provider_calls
  SOURCES faulty_calls_test.cpp ../dialog/simulated_caller.cpp
  DEPS al::provider_chain al::provider_fakes al::dialog
  TIMEOUT 300)
