#include "agentd/address_list.h"

#include <gtest/gtest.h>

namespace al::agentd {
namespace {

AddressList list(std::vector<std::string> entries) {
  return AddressList::parse(entries).value();
}

TEST(AddressList, NetworksOfBothFamilies) {
  const AddressList trusted = list({"127.0.0.1/32", "10.0.0.0/8", "::1/128", "2001:db8::/33"});
  EXPECT_TRUE(trusted.contains("127.0.0.1"));
  EXPECT_FALSE(trusted.contains("127.0.0.2"));
  EXPECT_TRUE(trusted.contains("10.255.0.1"));
  EXPECT_FALSE(trusted.contains("11.0.0.1"));
  EXPECT_TRUE(trusted.contains("::1"));
  EXPECT_TRUE(trusted.contains("2001:db8:7fff::1"));
  EXPECT_FALSE(trusted.contains("2001:db8:8000::1"));
}

TEST(AddressList, Ipv4MappedIntoIpv6IsIpv4) {
  EXPECT_TRUE(list({"10.0.0.0/8"}).contains("::ffff:10.1.2.3"));
  EXPECT_FALSE(list({"10.0.0.0/8"}).contains("::ffff:11.1.2.3"));
}

TEST(AddressList, OtherTextIsNeverTrusted) {
  const AddressList all = list({"0.0.0.0/0", "::/0"});
  EXPECT_TRUE(all.contains("8.8.8.8"));
  for (const char* text : {"", "localhost", "10.0.0.1, 8.8.8.8", "10.0.0", "1.2.3.4/32"})
    EXPECT_FALSE(all.contains(text));
  EXPECT_FALSE(AddressList().contains("127.0.0.1"));
}

TEST(AddressList, ABadEntryIsNamed) {
  for (const char* entry : {"", "10.0.0.0/33", "10.0.0.0/", "::/129", "host", "10.0.0.0/8x", "10.0.0.0/-1"}) {
    const auto parsed = AddressList::parse({"127.0.0.1", entry});
    ASSERT_FALSE(parsed.has_value()) << entry;
    EXPECT_NE(parsed.error().detail.find("'" + std::string(entry) + "'"), std::string::npos);
  }
}

}  // namespace
}  // namespace al::agentd
