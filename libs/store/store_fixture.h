// The databases that the contract tests run over. PostgreSQL is a real server: scripts/with-postgres starts one and
// sets AL_TEST_DATABASE_URL; without it those tests are skipped and say so.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "core/secret.h"
#include "core/settings.h"
#include "store/postgres_connection.h"
#include "store/store.h"

namespace al::store::testing {

inline std::string server_url() {
  return environment_variable("AL_TEST_DATABASE_URL").value_or("");
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "al-store-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A schema of its own on the test server, removed at the end.
class TemporarySchema {
 public:
  TemporarySchema() : name_("t_" + to_hex(random_bytes(8))) {
    connect_and("CREATE SCHEMA " + name_);
    const std::string base = server_url();
    url_ = base + (base.find('?') == std::string::npos ? "?" : "&") + "options=-csearch_path%3D" + name_;
  }
  ~TemporarySchema() { connect_and("DROP SCHEMA " + name_ + " CASCADE"); }
  TemporarySchema(const TemporarySchema&) = delete;
  TemporarySchema& operator=(const TemporarySchema&) = delete;
  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  static void connect_and(const std::string& statement) {
    StoreOptions options;
    options.url = server_url();
    auto connection = sql::PostgresConnection::open(options);
    ASSERT_TRUE(connection) << connection.error().detail;
    const auto done = (*connection)->run(sql::Durability::kRelaxed, statement);
    ASSERT_TRUE(done) << done.error().detail;
  }
  std::string name_;
  std::string url_;
};

// One database of the kind "sqlite" or "postgres", and any number of connections to it.
class Database {
 public:
  explicit Database(const std::string& kind) {
    if (kind == "sqlite") {
      folder_ = std::make_unique<TemporaryFolder>();
      options_.url = "sqlite:" + folder_->file("test.sqlite");
    } else {
      schema_ = std::make_unique<TemporarySchema>();
      options_.url = schema_->url();
    }
    options_.ballast_bytes = 0;
  }
  [[nodiscard]] std::unique_ptr<Store> open() const {
    auto store = open_store(options_);
    EXPECT_TRUE(store) << (store ? "" : store.error().detail);
    return store ? *std::move(store) : nullptr;
  }
  [[nodiscard]] StoreOptions& options() { return options_; }
  [[nodiscard]] std::string file() const { return folder_->file("test.sqlite"); }

 private:
  std::unique_ptr<TemporaryFolder> folder_;
  std::unique_ptr<TemporarySchema> schema_;
  StoreOptions options_;
};

#define AL_SKIP_WITHOUT_SERVER(kind)                                                                       \
  if ((kind) == std::string("postgres") && ::al::store::testing::server_url().empty()) {                   \
    GTEST_SKIP() << "SKIPPED: no PostgreSQL; run this under scripts/with-postgres (AL_TEST_DATABASE_URL)"; \
  }

inline WallTime at(std::int64_t ms) {
  return WallTime{milliseconds{1'800'000'000'000 + ms}};
}
inline CallSid call_sid(int n) {
  std::string hex = to_hex(std::string(16, '\0'));
  const std::string digits = std::to_string(n);
  hex.replace(hex.size() - digits.size(), digits.size(), digits);
  return CallSid("CA" + hex);
}

}  // namespace al::store::testing
