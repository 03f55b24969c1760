// For tests of the built programs: one run of a program with an environment of its own, text for its stdin, and what it
// said. Everything it writes is kept in a folder that goes with the test.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

namespace al::alctl::test {

// A temporary folder.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  // Writes a file and gives its path.
  std::string write(const std::string& name, const std::string& text) const;
  [[nodiscard]] static std::string read(const std::string& path);

 private:
  std::string path_;
};

class Program {
 public:
  using Environment = std::map<std::string, std::string>;
  // Starts `words[0]` with nothing in its environment but `environment`, PATH and a UTF-8 locale.
  Program(const Folder& folder, std::vector<std::string> words, const Environment& environment,
          const std::string& input = {});
  ~Program();  // ends it
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Its exit code; -1 when it did not end within the patience of a test, or was killed.
  int wait();
  void signal(int number) const;
  [[nodiscard]] bool running();
  [[nodiscard]] std::string out() const;
  [[nodiscard]] std::string err() const;
  // Waits until a file exists and holds a whole line; empty when it does not come or the program ends before.
  std::string line_of(const std::string& path);
  [[nodiscard]] const std::string& out_path() const { return out_path_; }

 private:
  std::string out_path_;
  std::string err_path_;
  pid_t pid_ = -1;
  int status_ = -1;
};

}  // namespace al::alctl::test
