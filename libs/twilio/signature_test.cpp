#include "twilio/signature.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace al::twilio {
namespace {

const std::vector<std::string> kTokens{"12345"};

FormParams documented_params() {
  return {{"CallSid", "CA1234567890ABCDE"},
          {"Caller", "+14158675309"},
          {"Digits", "1234"},
          {"From", "+14158675309"},
          {"To", "+18005551212"}};
}
constexpr std::string_view kUrl = "https://mycompany.com/myapp.php?foo=1&bar=2";

SignatureVerdict check(std::string_view url, const FormParams& form, std::string_view header,
                       SignatureOptions options = {}) {
  SignedRequest request;
  request.url = url;
  request.form = &form;
  return verify_signature(request, header, kTokens, options);
}

TEST(Signature, AgreesWithTheDocumentedExample) {
  const FormParams form = documented_params();
  EXPECT_EQ(compute_signature("12345", kUrl, &form), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
  EXPECT_TRUE(check(kUrl, form, "RSOYDt4T1cUTdK1PDd93/VVr8B8=").ok);
}

TEST(Signature, SaysWhichSpellingAndWhichTokenMatched) {
  const FormParams form = documented_params();
  const SignatureVerdict verdict = check(kUrl, form, "kvajT1Ptam85bY51eRf/AJRuM3w=");
  EXPECT_TRUE(verdict.ok);
  EXPECT_EQ(verdict.matched_rule, "as requested, with :443");
  SignedRequest request;
  request.url = kUrl;
  request.form = &form;
  const std::vector<std::string> rotation{"new-token", "", "12345"};
  EXPECT_EQ(verify_signature(request, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", rotation).token_index, 2U);
}

TEST(Signature, QueryIsLeftOutOnlyWhereSettingsAllowIt) {
  const FormParams form = documented_params();
  const std::string without = compute_signature("12345", "https://mycompany.com/myapp.php", &form);
  EXPECT_EQ(check(kUrl, form, without).matched_rule, "without query");
  EXPECT_FALSE(check(kUrl, form, without, {SignatureUrl::kFull, true, false}).ok);
  EXPECT_TRUE(check(kUrl, form, without, {SignatureUrl::kNoQuery, true, false}).ok);
  EXPECT_FALSE(check(kUrl, form, compute_signature("12345", kUrl, &form), {SignatureUrl::kNoQuery, true, false}).ok);
}

TEST(Signature, NamesTheFault) {
  const FormParams form = documented_params();
  EXPECT_EQ(check(kUrl, form, "").fault, SignatureFault::kMissingHeader);
  EXPECT_EQ(check(kUrl, form, "RSOYDt4T1cUTdK1PDd93").fault, SignatureFault::kBadHeader);
  EXPECT_EQ(check(kUrl, form, "RSOYDt4T1cUTdK1PDd93/VVr8B9=").fault, SignatureFault::kBadHeader);
  EXPECT_EQ(check(kUrl, form, "RSOYDt4T1cUTdK1PDd93/VVr8BA=").fault, SignatureFault::kMismatch);
  SignedRequest request;
  request.url = kUrl;
  EXPECT_EQ(verify_signature(request, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", std::vector<std::string>{""}).fault,
            SignatureFault::kNoToken);
}

TEST(Signature, ABodyThatNothingVouchesForIsRefused) {
  SignedRequest request;
  request.url = kUrl;
  const std::string header = compute_signature("12345", kUrl, nullptr);
  request.body = "{}";
  EXPECT_EQ(verify_signature(request, header, kTokens).fault, SignatureFault::kBodyNotCovered);
  request.body = "";
  EXPECT_TRUE(verify_signature(request, header, kTokens).ok);
}

TEST(Signature, BodyHashInTheQueryIsNotCountedWhenOnlyThePathWasSigned) {
  // Otherwise a stranger could put the hash of his own body into the unsigned query.
  SignedRequest request;
  const std::string hash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
  const std::string url = "https://mycompany.com/x?bodySHA256=" + hash;
  request.url = url;
  request.body = "{}";
  const std::string path_only = compute_signature("12345", "https://mycompany.com/x", nullptr);
  EXPECT_EQ(verify_signature(request, path_only, kTokens).fault, SignatureFault::kBodyNotCovered);
  EXPECT_TRUE(verify_signature(request, compute_signature("12345", url, nullptr), kTokens).ok);
}

TEST(Signature, UpgradeIsTriedWithASlashAppended) {
  SignedRequest request;
  request.url = "wss://h.example/ws/twilio-media";
  request.kind = RequestKind::kWebSocket;
  const std::string header = compute_signature("12345", "wss://h.example/ws/twilio-media/", nullptr);
  EXPECT_TRUE(verify_signature(request, header, kTokens).ok);
  SignatureOptions strict;
  strict.websocket_fallbacks = false;
  EXPECT_FALSE(verify_signature(request, header, kTokens, strict).ok);
  const std::string https = compute_signature("12345", "https://h.example/ws/twilio-media", nullptr);
  EXPECT_FALSE(verify_signature(request, https, kTokens).ok);
  SignatureOptions emergency;
  emergency.websocket_as_https = true;
  EXPECT_TRUE(verify_signature(request, https, kTokens, emergency).ok);
}

TEST(Signature, ExplanationListsEveryTrialAndTheFirstDifference) {
  const FormParams form = documented_params();
  SignedRequest request;
  request.url = "https://h:8443/x?a=1";
  request.form = &form;
  const auto explanation = explain_signature(request, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", kTokens);
  EXPECT_FALSE(explanation.verdict.ok);
  EXPECT_EQ(explanation.trials.size(), 4U);
  EXPECT_EQ(first_difference("https://h:8443/x", "https://h/x"),
            "position 9: 'https://h:8443/x' against 'https://h/x'");
  EXPECT_EQ(first_difference("same", "same"), "");
}

TEST(Signature, ASchemeInsideTheQueryIsNoScheme) {
  const auto candidates = signature_candidates("h?next=wss://[::1]:44/ws/", RequestKind::kWebhook, {});
  ASSERT_EQ(candidates.size(), 2U);
  EXPECT_EQ(candidates[0].url, "h?next=wss://[::1]:44/ws/");
  EXPECT_EQ(candidates[1].url, "h");
}

TEST(EffectiveUrl, ComesFromTheSettingWithBytesUntouched) {
  RequestOrigin origin;
  origin.public_base_url = "https://user:pw@agent.example.com:8443/prefix/";
  origin.host = "evil.example";
  const auto url = effective_url(origin, "/webhook/incoming_call?a=%d7%a9&b=x+y", RequestKind::kWebhook);
  EXPECT_EQ(url.value(), "https://agent.example.com:8443/prefix/webhook/incoming_call?a=%d7%a9&b=x+y");
  EXPECT_EQ(effective_url(origin, "/ws", RequestKind::kWebSocket).value(), "wss://agent.example.com:8443/prefix/ws");
}

TEST(EffectiveUrl, ForwardedHeadersCountOnlyFromATrustedProxy) {
  RequestOrigin origin;
  origin.host = "10.0.0.5:8080";
  origin.forwarded_proto = "https, http";
  origin.forwarded_host = "agent.example.com, inner";
  EXPECT_EQ(effective_url(origin, "/x", RequestKind::kWebhook).value(), "http://10.0.0.5:8080/x");
  origin.from_trusted_proxy = true;
  EXPECT_EQ(effective_url(origin, "/x", RequestKind::kWebhook).value(), "https://agent.example.com/x");
  EXPECT_EQ(effective_url(origin, "/x", RequestKind::kWebSocket).value(), "wss://agent.example.com/x");
}

TEST(EffectiveUrl, RefusesWhatCannotBeAUrl) {
  RequestOrigin origin;
  origin.host = "h e";
  EXPECT_FALSE(effective_url(origin, "/x", RequestKind::kWebhook).has_value());
  origin.host = "h";
  EXPECT_FALSE(effective_url(origin, "http://h/x", RequestKind::kWebhook).has_value());
  origin.public_base_url = "ftp://h";
  EXPECT_FALSE(effective_url(origin, "/x", RequestKind::kWebhook).has_value());
}

// ---- vectors
// ---------------------------------------------------------------------------------------------------------

FormParams params_of(const nlohmann::json& object) {
  FormParams form;
  for (const auto& [key, value] : object.items()) {
    if (!value.is_array()) {
      form.add(key, value.get<std::string>());
      continue;
    }
    for (const auto& one : value) form.add(key, one.get<std::string>());
  }
  return form;
}

// True when our verdict on one vector is the one it states.
bool agrees(const nlohmann::json& vector) {
  const std::string kind = vector.value("kind", "");
  const std::string url = vector["url"];
  FormParams form;
  std::string body;
  SignedRequest request;
  request.url = url;
  if (url.starts_with("ws")) request.kind = RequestKind::kWebSocket;
  if (vector.contains("body")) {
    body = vector["body"];
    request.body = body;
  } else {
    form = params_of(vector["params"]);
    request.form = &form;
  }
  // Twilio's own validators know neither the fallbacks of the upgrade nor signatures without the query.
  SignatureOptions as_libraries;
  as_libraries.url = SignatureUrl::kFull;
  as_libraries.websocket_fallbacks = false;
  const std::vector<std::string> tokens{vector["token"].get<std::string>()};
  const std::string header = vector["signature"];
  const bool plain = verify_signature(request, header, tokens, as_libraries).ok;
  if (plain != vector["valid"].get<bool>()) return false;
  // With all fallbacks on, the three vectors made for them are accepted, and no other verdict changes.
  SignatureOptions generous;
  generous.websocket_as_https = true;
  const bool wanted = vector["valid"].get<bool>() || kind.starts_with("websocket-fallback");
  return verify_signature(request, header, tokens, generous).ok == wanted;
}

int check_file(const std::filesystem::path& path) {
  std::ifstream in(path);
  const auto vectors = nlohmann::json::parse(in);
  for (const auto& vector : vectors) EXPECT_TRUE(agrees(vector)) << vector["name"] << " " << vector.value("note", "");
  return static_cast<int>(vectors.size());
}

TEST(SignatureVectors, OfTwiliosNodePackageAgree) {
  EXPECT_GE(check_file(std::filesystem::path(AL_SOURCE_DIR) / "testdata/signature_vectors.json"), 60);
}

TEST(SignatureVectors, OfTheSharedSetAgree) {
  const auto path = std::filesystem::path(AL_SOURCE_DIR) / "../shared/data/signature_vectors.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "the shared vectors are not on this machine";
  EXPECT_EQ(check_file(path), 92);
}

}  // namespace
}  // namespace al::twilio
