#include "agentd/caller_eraser.h"

#include <atomic>
#include <mutex>
#include <utility>

#include "core/log.h"
#include "twilio/rest.h"

namespace al::agentd {
namespace {

constexpr Duration kStoreWait = seconds{30};

// "https://api.twilio.com/…/Recordings/RE…" -> "RE…"; empty where it is not Twilio's.
std::string recording_sid(std::string_view url) {
  constexpr std::string_view kFolder = "/Recordings/";
  const auto at = url.rfind(kFolder);
  if (at == std::string_view::npos) return {};
  const std::string sid(url.substr(at + kFolder.size(), 34));
  return is_twilio_sid(sid, "RE") ? sid : std::string();
}

}  // namespace

struct CallerEraser::Job {
  std::string phone;
  std::function<void(Result<Report>)> done;
  store::CallerTraces traces;
  std::mutex mutex;  // of the report while recordings are removed
  Report report;
  std::atomic<std::size_t> open{0};
};

CallerEraser::CallerEraser(const Settings& settings, store::AsyncStore& store, net::HttpClient& http,
                           const RestService& rest)
    : store_(store),
      http_(http),
      rest_(rest),
      folders_(store::caller_folders(settings)),
      rest_timeout_(std::chrono::duration_cast<milliseconds>(settings.duration("twilio_rest_timeout_sec"))) {}

void CallerEraser::erase(const std::string& phone, std::function<void(Result<Report>)> done) {
  auto job = std::make_shared<Job>();
  job->phone = phone;
  job->done = std::move(done);
  store_.ask<store::CallerTraces>([phone](store::Store& store) { return store.records().traces(phone); }, kStoreWait,
                                  [this, job](Result<store::CallerTraces> traces) {
                                    if (!traces) {
                                      job->done(fail(traces.error()));
                                      return;
                                    }
                                    job->traces = std::move(*traces);
                                    remove_recordings(job);
                                  });
}

void CallerEraser::remove_recordings(const std::shared_ptr<Job>& job) {
  job->open = job->traces.recordings.size() + 1;
  const auto one_done = [this, job] {
    if (job->open.fetch_sub(1) == 1) remove_rest(job);
  };
  for (const std::string& url : job->traces.recordings) {
    const std::string sid = recording_sid(url);
    if (sid.empty() || !rest_.available()) {
      {
        const std::lock_guard lock(job->mutex);
        job->report.recordings_left.push_back(url);
      }
      one_done();
      continue;
    }
    const twilio::RestRequest request = twilio::delete_recording(*rest_.account(), sid);
    net::ClientRequest client;
    client.method = request.method;
    client.url = request.url;
    for (const auto& [name, value] : request.headers) client.headers.push_back({name, value});
    client.timeouts.total = rest_timeout_;
    http_.start_detached(std::move(client), [job, url, one_done](const Result<net::ClientResponse>& answer) {
      const bool gone = answer && (answer->status == 204 || answer->status == 200 || answer->status == 404);
      {
        const std::lock_guard lock(job->mutex);
        if (gone) {
          ++job->report.recordings;
        } else {
          job->report.recordings_left.push_back(url);
        }
      }
      one_done();
    });
  }
  one_done();
}

void CallerEraser::remove_rest(const std::shared_ptr<Job>& job) {
  store_.ask<bool>(
      [job, folders = folders_](store::Store& store) -> Result<bool> {
        const auto files = store::erase_caller_files(folders, job->traces.calls);
        if (!files) return fail(files.error());
        const auto rows = store.records().erase_caller(job->phone);
        if (!rows) return fail(rows.error());
        job->report.files = *files;
        job->report.rows = *rows;
        return true;
      },
      kStoreWait,
      [job](const Result<bool>& ok) {
        if (!ok) {
          job->done(fail(ok.error()));
          return;
        }
        log::info("ERASED", {{"of", log::phone(job->phone)},
                             {"rows", job->report.rows.total()},
                             {"files", job->report.files},
                             {"recordings", job->report.recordings},
                             {"recordings_left", job->report.recordings_left.size()}});
        job->done(job->report);
      });
}

}  // namespace al::agentd
