#include "providers/tts_cache.h"

#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "audio/g711.h"
#include "audio/wav_file.h"
#include "providers/testing_providers.h"
#include "providers/testing_scheduler.h"
#include "providers/testing_sinks.h"
#include "providers/tts_cache_file.h"

namespace al::providers {
namespace {

namespace fs = std::filesystem;
using Pcm = std::vector<std::int16_t>;

// What survives µ-law unchanged.
Pcm sound(std::size_t samples, int seed = 0) {
  Pcm pcm(samples);
  for (std::size_t i = 0; i < samples; ++i)
    pcm[i] = audio::decode_ulaw(static_cast<std::uint8_t>((i * 7 + static_cast<std::size_t>(seed)) & 0xFF));
  return pcm;
}

std::string key_of(const std::string& text) {
  return tts_cache_key("piper", "", {}, text);
}

class TtsCacheTest : public ::testing::Test {
 protected:
  TtsCacheTest() { fs::remove_all(folder); }
  ~TtsCacheTest() override { fs::remove_all(folder); }
  std::unique_ptr<TtsCache> open(std::uint64_t max_bytes = 1 << 20, std::uint64_t memory = 1 << 20) {
    auto cache = TtsCache::open({.folder = folder, .max_bytes = max_bytes, .max_memory_bytes = memory});
    EXPECT_TRUE(cache) << to_string(cache.error());
    return std::move(*cache);
  }
  std::string file_of(const std::string& key) const { return folder + "/" + key + ".wav"; }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  }

  const std::string folder = (fs::temp_directory_path() / ("al-tts-cache-" + std::to_string(::getpid()))).string();
};

TEST_F(TtsCacheTest, GivesBackWhatWasPutAlsoAfterARestart) {
  for (const std::size_t size : {0U, 1U, 159U, 160U, 161U, 8001U}) {
    const std::string key = key_of(std::to_string(size));
    ASSERT_TRUE(open()->put(key, sound(size)));
    const auto cache = open(1 << 20, 0);
    EXPECT_TRUE(cache->contains(key));
    const auto back = cache->get(key);
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, sound(size)) << size;
  }
}

TEST_F(TtsCacheTest, AnEntryIsAWavFileThatPlayersRead) {
  const auto cache = open();
  const std::string key = key_of("hello");
  ASSERT_TRUE(cache->put(key, sound(4001)));
  EXPECT_EQ(cache->path_of(key + ".wav"), file_of(key));
  const auto read = audio::read_8k(file_of(key));
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_EQ(*read, sound(4001));
}

TEST_F(TtsCacheTest, KeysDifferInEveryField) {
  dialog::Voice voice{.language = "en-US", .name = "1", .rate = 1.0};
  const std::string base = tts_cache_key("piper", "s", voice, "text");
  EXPECT_EQ(base.size(), 64U);
  EXPECT_NE(base, tts_cache_key("flite", "s", voice, "text"));
  EXPECT_NE(base, tts_cache_key("piper", "t", voice, "text"));
  EXPECT_NE(base, tts_cache_key("piper", "s", voice, "text."));
  EXPECT_NE(base, tts_cache_key("pipe", "rs", voice, "text"));
  for (const dialog::Voice& other :
       {dialog::Voice{"en-GB", "1", 1.0}, dialog::Voice{"en-US", "2", 1.0}, dialog::Voice{"en-US", "1", 0.9}}) {
    EXPECT_NE(base, tts_cache_key("piper", "s", other, "text"));
  }
}

TEST_F(TtsCacheTest, EveryDamagedByteIsAMissAndTheFileGoes) {
  const std::string key = key_of("hello");
  ASSERT_TRUE(open()->put(key, sound(200)));
  std::ifstream in(file_of(key), std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  ASSERT_TRUE(decode_cache_file(key, whole));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_FALSE(decode_cache_file(key, damaged)) << "byte " << i;
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{43}, whole.size() / 2, whole.size() - 1}) {
    std::ofstream(file_of(key), std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    const auto cache = open();
    EXPECT_FALSE(cache->get(key)) << size;
    EXPECT_EQ(cache->stats().damaged, 1U);
    EXPECT_FALSE(cache->contains(key));
    EXPECT_FALSE(fs::exists(file_of(key)));
  }
  EXPECT_FALSE(decode_cache_file(key_of("other"), whole)) << "an entry under another's name";
}

TEST_F(TtsCacheTest, TheLongestUnusedGoFirst) {
  const auto cache = open(4000);
  const Pcm pcm = sound(900);
  for (const char* name : {"a", "b", "c", "d"}) ASSERT_TRUE(cache->put(key_of(name), pcm));
  ASSERT_TRUE(cache->get(key_of("a")));
  ASSERT_TRUE(cache->put(key_of("e"), pcm));
  EXPECT_TRUE(cache->contains(key_of("a")));
  EXPECT_FALSE(cache->contains(key_of("b")));
  EXPECT_EQ(cache->stats().evicted, 1U);
  EXPECT_LE(cache->stats().bytes, 4000U);
  EXPECT_EQ(files(), cache->stats().entries);
}

TEST_F(TtsCacheTest, WhatIsTooLargeIsRefused) {
  const auto cache = open(4000);
  EXPECT_EQ(cache->put(key_of("long"), sound(2000)).error().code, Errc::kUnsupported);
  EXPECT_EQ(cache->put("../../etc/passwd", sound(10)).error().code, Errc::kMalformed);
  EXPECT_EQ(cache->path_of("../../etc/passwd"), "");
}

TEST_F(TtsCacheTest, UnfinishedFilesOfADeadProcessAreRemoved) {
  fs::create_directories(folder);
  const std::string left = file_of(key_of("x")) + ".part1-1";
  std::ofstream(left) << "half";
  fs::last_write_time(left, fs::file_time_type::clock::now() - std::chrono::hours(1));
  const std::string young = file_of(key_of("y")) + ".part2-1";
  std::ofstream(young) << "being written";
  std::ofstream(folder + "/README.txt") << "not ours";
  open();
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(young));
  EXPECT_TRUE(fs::exists(folder + "/README.txt"));
}

TEST_F(TtsCacheTest, AFolderThatCannotBeMadeIsSaid) {
  const auto cache = TtsCache::open({.folder = "/proc/nowhere/cache"});
  ASSERT_FALSE(cache);
  EXPECT_NE(cache.error().detail.find("/proc/nowhere/cache"), std::string::npos);
}

TEST_F(TtsCacheTest, WithoutAFolderItLivesInMemoryAndStaysBounded) {
  const auto opened = TtsCache::open({.folder = {}, .max_memory_bytes = 4000});
  ASSERT_TRUE(opened);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE((*opened)->put(key_of(std::to_string(i)), sound(800, i)));
  EXPECT_LE((*opened)->stats().entries, 4U);
  EXPECT_EQ(*(*opened)->get(key_of("19")), sound(800, 19));
}

TEST_F(TtsCacheTest, ThreadsMayPutAndGetAtOnce) {
  const auto cache = open(20'000, 4000);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 60; ++i) {
        const int which = (i * 5 + t) % 12;
        static_cast<void>(cache->put(key_of(std::to_string(which)), sound(1000, which)));
        const auto back = cache->get(key_of(std::to_string(which)));
        if (!back) continue;  // evicted meanwhile
        EXPECT_EQ(*back, sound(1000, which));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(cache->stats().damaged, 0U);
  EXPECT_LE(cache->stats().bytes, 20'000U);
}

// ---- a voice behind the cache --------------------------------------------------------------------------------------

class CachedTtsTest : public TtsCacheTest {
 protected:
  CachedTtsTest() {
    inner->script = [this](const dialog::TtsRequest&) {
      return testing::Script<dialog::TtsSink>{
          {{milliseconds{10}, [this](dialog::TtsSink& sink) { sink.on_audio({1}, sound(1000)); }},
           {milliseconds{20}, [this](dialog::TtsSink& sink) {
              fails ? sink.on_failed({1}, {Errc::kClosed, ""}) : sink.on_done({1});
            }}}};
    };
    voice = make_cached_tts(inner, {}, *cache, pool, &log);
  }
  std::shared_ptr<testing::TtsRecorder> say(const std::string& text) {
    const auto sink = std::make_shared<testing::TtsRecorder>();
    dialog::TtsRequest request;
    request.speech = {1};
    request.text = text;
    const auto session = voice->start(request, sink);
    scheduler.advance(seconds{1});
    EXPECT_TRUE(sink->wait());
    while (pool.stats().waiting + pool.stats().running > 0) std::this_thread::yield();
    return sink;
  }

  testing::VirtualScheduler scheduler;
  testing::EventLog log;
  std::unique_ptr<TtsCache> cache = open();
  WorkerPool pool{1, 16, "test"};
  std::shared_ptr<testing::FakeTts> inner = std::make_shared<testing::FakeTts>("google", scheduler);
  std::unique_ptr<dialog::TextToSpeech> voice;
  bool fails = false;
};

TEST_F(CachedTtsTest, TheSecondTimeTheProviderIsNotAsked) {
  EXPECT_EQ(say("Hello")->audio(), sound(1000));
  EXPECT_EQ(say("Hello")->audio(), sound(1000));
  EXPECT_EQ(inner->census->started, 1);
  EXPECT_EQ(log.lines, (std::vector<std::string>{"google cache_miss", "google cache_hit"}));
}

TEST_F(CachedTtsTest, FailuresAndLongTextsAreNotKept) {
  fails = true;
  EXPECT_TRUE(say("Hello")->error());
  fails = false;
  EXPECT_FALSE(say("Hello")->error());
  EXPECT_EQ(inner->census->started, 2);
  const std::string longer(201, 'a');
  say(longer);
  say(longer);
  EXPECT_EQ(inner->census->started, 4);
}

TEST_F(CachedTtsTest, ADamagedEntryIsSpokenAgain) {
  say("Hello");
  cache = nullptr;
  for (const auto& file : fs::directory_iterator(folder)) std::ofstream(file.path(), std::ios::trunc) << "RIFF";
  cache = open();
  voice = make_cached_tts(inner, {}, *cache, pool, &log);
  // The worker finds the damage and asks the provider, whose fake speaks in the test's own time.
  const auto sink = std::make_shared<testing::TtsRecorder>();
  dialog::TtsRequest request;
  request.text = "Hello";
  const auto session = voice->start(request, sink);
  while (pool.stats().waiting + pool.stats().running > 0) std::this_thread::yield();
  scheduler.advance(seconds{1});
  ASSERT_TRUE(sink->wait());
  EXPECT_EQ(sink->audio(), sound(1000));
  EXPECT_EQ(inner->census->started, 2);
}

TEST_F(CachedTtsTest, PhrasesAreSpokenAheadOneAfterTheOther) {
  std::vector<dialog::TtsRequest> phrases(3);
  for (std::size_t i = 0; i < phrases.size(); ++i) phrases[i].text = "phrase " + std::to_string(i);
  {
    const PhraseWarmer warmer(*voice, phrases, scheduler);
    scheduler.advance(seconds{1});
    EXPECT_TRUE(warmer.progress().done());
    EXPECT_EQ(warmer.progress().spoken, 3U);
  }
  while (pool.stats().waiting + pool.stats().running > 0) std::this_thread::yield();
  EXPECT_EQ(cache->stats().entries, 3U);
  EXPECT_EQ(inner->census->alive, 0);
}

TEST_F(CachedTtsTest, AWarmerThatIsDestroyedStops) {
  std::vector<dialog::TtsRequest> phrases(3);
  for (std::size_t i = 0; i < phrases.size(); ++i) phrases[i].text = "phrase " + std::to_string(i);
  {
    const PhraseWarmer warmer(*voice, phrases, scheduler);
    scheduler.advance(milliseconds{5});
  }
  scheduler.advance(seconds{1});
  EXPECT_EQ(inner->census->started, 1);
  EXPECT_EQ(inner->census->alive, 0);
}

}  // namespace
}  // namespace al::providers
