// Everything that is known of a telephone number goes: rows, recorded calls, samples, voicemails at Twilio. What stays
// is said in README.md. Thread-safe; files and rows are removed on the store's thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agentd/rest_service.h"
#include "core/settings.h"
#include "net/http_client.h"
#include "store/async_store.h"
#include "store/caller_files.h"

namespace al::agentd {

class CallerEraser {
 public:
  CallerEraser(const Settings& settings, store::AsyncStore& store, net::HttpClient& http, const RestService& rest);

  struct Report {
    store::ErasureReport rows;
    std::size_t files = 0;
    std::size_t recordings = 0;
    std::vector<std::string> recordings_left;  // that Twilio did not remove: somebody has to
  };
  // `done` is called once, from any thread. Recordings first, then files, then rows: who asks again after an error
  // still finds what is left.
  void erase(const std::string& phone, std::function<void(Result<Report>)> done);

 private:
  struct Job;
  void remove_recordings(const std::shared_ptr<Job>& job);
  void remove_rest(const std::shared_ptr<Job>& job);

  store::AsyncStore& store_;
  net::HttpClient& http_;
  const RestService& rest_;
  const store::CallerFolders folders_;
  const milliseconds rest_timeout_;
};

}  // namespace al::agentd
