// Key material for tests and fakes, made anew in each process: nothing secret is kept in files.
#pragma once

#include <string>

namespace al::providers {

struct TestServiceAccount {
  std::string json;            // as a downloaded key file
  std::string public_key_pem;  // to verify what was signed with it
};
// `token_uri`: where assertions are exchanged; empty = Google's.
[[nodiscard]] TestServiceAccount make_test_service_account(const std::string& token_uri = {});

struct TestCertificate {
  std::string certificate_pem;  // self-signed, for localhost, 127.0.0.1 and `name`; also the authority to trust
  std::string private_key_pem;
};
[[nodiscard]] TestCertificate make_test_certificate(const std::string& name);

}  // namespace al::providers
