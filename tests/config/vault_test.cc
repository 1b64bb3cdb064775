// Secrets at rest: nobody without the master key reads them, nobody moves them to another place, and keys change without a loss.
#include "config/vault.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/status.h"
#include "config/master_key.h"
#include "config/seal.h"
#include "config/secrets.h"

namespace tocsin {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kMadeByChance = "WqWmC4m2Vq0XwYk8b1yTtq3n0e6bJw2Zr8uQf5sHc7A=";

class VaultTest : public ::testing::Test {
 protected:
  VaultTest() : folder_(fs::temp_directory_path() / ("tocsin-vault-" + std::to_string(getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~VaultTest() override { fs::remove_all(folder_); }

  absl::StatusOr<std::unique_ptr<Vault>> Open(const std::string& master = "") {
    return Vault::Open({.folder = folder_.string(), .master_file = master});
  }
  std::unique_ptr<Vault> OpenOrDie() {
    absl::StatusOr<std::unique_ptr<Vault>> vault = Open();
    TOCSIN_CHECK(vault.ok(), vault.status().ToString());
    return *std::move(vault);
  }
  std::string File(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  std::string Read(const std::string& name) {
    std::ostringstream text;
    text << std::ifstream(folder_ / name).rdbuf();
    return text.str();
  }
  Vault::Options Options() const { return {.folder = folder_.string()}; }

  fs::path folder_;
};

TEST_F(VaultTest, OpensWhatItSealedWhereItWasSealedAndNothingElse) {
  const std::unique_ptr<Vault> vault = OpenOrDie();
  const std::string sealed = vault->Seal("hunter2", "smtp.password");
  EXPECT_TRUE(Vault::IsSealed(sealed));
  EXPECT_THAT(sealed, ::testing::Not(HasSubstr("hunter2")));
  EXPECT_NE(sealed, vault->Seal("hunter2", "smtp.password")) << "each with a nonce of its own";
  EXPECT_EQ(*vault->Unseal(sealed, "smtp.password"), "hunter2");
  EXPECT_EQ(*vault->Unseal("as it is", "smtp.password"), "as it is");
  EXPECT_TRUE(absl::IsDataLoss(vault->Unseal(sealed, "slack.token").status()));
  for (std::size_t at = std::string("sealed:1:").size(); at < sealed.size(); ++at) {
    std::string changed = sealed;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(vault->Unseal(changed, "smtp.password").ok()) << at;
  }
}

TEST_F(VaultTest, ASecondOpeningHasTheSameKeysAndTheFilesAreForTheirOwnerAlone) {
  const std::string sealed = OpenOrDie()->Seal("hunter2", "x");
  EXPECT_EQ(*OpenOrDie()->Unseal(sealed, "x"), "hunter2");
  for (const std::string_view name : {kMasterKeyName, kDataKeysName}) {
    struct stat info {};
    ASSERT_EQ(stat((folder_ / name).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U) << name;
  }
  EXPECT_TRUE(OpenOrDie()->lies_beside());
}

TEST_F(VaultTest, AMissingOrWrongMasterKeyIsRefusedAndSaysWhatToDo) {
  const std::string sealed = OpenOrDie()->Seal("hunter2", "x");
  const std::string own = Read("secrets.key");
  fs::rename(folder_ / "secrets.key", folder_ / "kept");
  EXPECT_THAT(Message(Open().status()), HasSubstr("--secrets_key_file"));
  EXPECT_FALSE(fs::exists(folder_ / "secrets.key")) << "none is made where there are keys";
  const std::string other = File("other", std::string(40, 'x'));
  EXPECT_THAT(Message(Open(other).status()), HasSubstr("holds another master key"));
  EXPECT_THAT(Message(Open(File("short", "abc")).status()), HasSubstr("32 characters or more"));
  EXPECT_EQ(*(*Open((folder_ / "kept").string()))->Unseal(sealed, "x"), "hunter2");
  File("secrets.key", own);
  EXPECT_EQ(*OpenOrDie()->Unseal(sealed, "x"), "hunter2");
}

TEST_F(VaultTest, AChangedFileOfKeysIsRefused) {
  OpenOrDie();
  const std::string text = Read("secrets.keys");
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = changed[at] == 'q' ? 'r' : 'q';
    File("secrets.keys", changed);
    EXPECT_FALSE(Open().ok()) << at;
  }
}

TEST_F(VaultTest, ANewDataKeySealsFromThenOnAndTheOldOneStillOpens) {
  const std::unique_ptr<Vault> before = OpenOrDie();
  const std::string old = before->Seal("hunter2", "x");
  ASSERT_TRUE(Vault::AddDataKey(Options()).ok());
  const std::unique_ptr<Vault> vault = OpenOrDie();
  EXPECT_EQ(vault->count(), 2U);
  EXPECT_FALSE(vault->IsCurrent(old));
  EXPECT_EQ(*vault->Unseal(old, "x"), "hunter2");
  const std::string now = vault->Seal("hunter2", "x");
  EXPECT_TRUE(vault->IsCurrent(now));
  EXPECT_FALSE(before->Unseal(now, "x").ok()) << "who has the old one only";
}

TEST_F(VaultTest, ANewMasterKeyWrapsTheSameKeysAndTheOldOneOpensNothing) {
  const std::string sealed = OpenOrDie()->Seal("hunter2", "x");
  const std::string old = File("old", Read("secrets.key"));
  ASSERT_TRUE(Vault::ChangeMaster(Options(), "").ok());
  EXPECT_EQ(*OpenOrDie()->Unseal(sealed, "x"), "hunter2");
  EXPECT_FALSE(Open(old).ok());
  EXPECT_FALSE(fs::exists(folder_ / "secrets.key.next"));
  const std::string weak = File("weak", std::string(50, 'k') + "\n");
  EXPECT_THAT(Message(Vault::ChangeMaster(Options(), weak)), HasSubstr("only 1 different characters"));
  const std::string elsewhere = File("elsewhere", std::string(kMadeByChance) + "\n");
  ASSERT_TRUE(Vault::ChangeMaster(Options(), elsewhere).ok());
  EXPECT_FALSE(Open().ok());
  EXPECT_EQ(*(*Open(elsewhere))->Unseal(sealed, "x"), "hunter2");
  EXPECT_FALSE((*Open(elsewhere))->lies_beside());
}

TEST_F(VaultTest, AChangeOfTheMasterKeyThatWasInterruptedIsFinished) {
  const std::string sealed = OpenOrDie()->Seal("hunter2", "x");
  const std::string old = Read("secrets.key");
  ASSERT_TRUE(Vault::ChangeMaster(Options(), "").ok());
  // As it is between the second step and the third.
  fs::rename(folder_ / "secrets.key", folder_ / "secrets.key.next");
  File("secrets.key", old);
  EXPECT_EQ(*OpenOrDie()->Unseal(sealed, "x"), "hunter2");
  EXPECT_FALSE(fs::exists(folder_ / "secrets.key.next"));
  EXPECT_EQ(*OpenOrDie()->Unseal(sealed, "x"), "hunter2");
}

// Whoever comes second begins with what the first one has left.
TEST_F(VaultTest, ManyWhoChangeTheKeysAtOnceLoseNone) {
  const std::string sealed = OpenOrDie()->Seal("hunter2", "x");
  constexpr int kTimes = 25;
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < kTimes; ++k) {
        const bool done = i < 2 ? Vault::ChangeMaster(Options(), "").ok() : Vault::AddDataKey(Options()).ok();
        failed += done && Open().ok() ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(failed, 0);
  const std::unique_ptr<Vault> vault = OpenOrDie();
  EXPECT_EQ(vault->count(), 1U + 2U * kTimes);
  EXPECT_EQ(*vault->Unseal(sealed, "x"), "hunter2");
  EXPECT_FALSE(fs::exists(folder_ / "secrets.keys.part"));
  EXPECT_FALSE(fs::exists(folder_ / "secrets.key.next"));
}

TEST_F(VaultTest, AFileOfManyDataKeysIsReadToItsEndAndOneThatIsFullTakesNoMore) {
  OpenOrDie();
  ASSERT_TRUE(Vault::AddDataKey(Options()).ok());
  const std::string sealed = OpenOrDie()->Seal("hunter2", "x");
  const std::string text = Read("secrets.keys");
  const std::size_t second = text.find("key 2 ");
  const std::string first = text.substr(text.find("key 1 "), second - text.find("key 1 "));
  const auto with = [&](int times) {
    std::string many = text.substr(0, second);
    for (int i = 0; i < times; ++i)
      many += first;
    return many + text.substr(second);
  };
  File("secrets.keys", with(1000));
  ASSERT_GT(fs::file_size(folder_ / "secrets.keys"), 64U * 1024);
  EXPECT_EQ(*OpenOrDie()->Unseal(sealed, "x"), "hunter2") << "the last line counts";
  File("secrets.keys", with(4094));
  EXPECT_THAT(Message(Vault::AddDataKey(Options())), HasSubstr("has 4096 data keys, as many as there may be"));
  EXPECT_EQ(*OpenOrDie()->Unseal(sealed, "x"), "hunter2");
  // A file that is longer than any of ours is refused as a whole, not read in part.
  File("secrets.keys", text + std::string(2 << 20, '\n'));
  EXPECT_THAT(Message(Open().status()), HasSubstr("secrets.keys has more than"));
}

TEST_F(VaultTest, WhatIsWrittenAnewKeepsItsModeAndAPartThatSomebodyLaidThereIsNotFollowed) {
  OpenOrDie();
  ASSERT_EQ(chmod((folder_ / "secrets.keys").c_str(), 0640), 0);
  const std::string victim = File("victim", "as it was");
  fs::create_symlink(victim, folder_ / "secrets.keys.part");
  ASSERT_TRUE(Vault::AddDataKey(Options()).ok());
  ASSERT_TRUE(Vault::ChangeMaster(Options(), "").ok());
  EXPECT_EQ(Read("victim"), "as it was");
  struct stat info {};
  ASSERT_EQ(stat((folder_ / "secrets.keys").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0640U);
  ASSERT_EQ(stat((folder_ / "secrets.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

// As root does it for the server's user.
TEST_F(VaultTest, WhatIsWrittenAnewKeepsItsOwner) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  constexpr uid_t kNobody = 65534;
  OpenOrDie();
  for (const char* name : {"", "secrets.key", "secrets.keys"})
    ASSERT_EQ(chown((folder_ / name).c_str(), kNobody, kNobody), 0);
  ASSERT_TRUE(Vault::AddDataKey(Options()).ok());
  ASSERT_TRUE(Vault::ChangeMaster(Options(), "").ok());
  ASSERT_TRUE(ReadOrMakeSealed(*OpenOrDie(), folder_.string(), "link.key").ok());
  for (const char* name : {"secrets.key", "secrets.keys", "link.key"}) {
    struct stat info {};
    ASSERT_EQ(stat((folder_ / name).c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, kNobody) << name;
    EXPECT_EQ(info.st_gid, kNobody) << name;
  }
}

TEST_F(VaultTest, AMasterKeyThatOthersCanReadIsUsedWithAWarningAndOneThatIsTooLongIsNot) {
  OpenOrDie();
  EXPECT_EQ(WarningOfMasterKey(*OpenOrDie()), "");
  ASSERT_EQ(chmod((folder_ / "secrets.key").c_str(), 0644), 0);
  EXPECT_THAT(WarningOfMasterKey(*OpenOrDie()), HasSubstr("mode 644"));
  EXPECT_THAT(Message(Open(File("long", std::string(100'000, 'a'))).status()), HasSubstr("long has more than 65536"));
  EXPECT_THAT(Message(Open("/dev/zero").status()), HasSubstr("a pipe or a device"));
}

TEST_F(VaultTest, TheCredentialOfTheServiceManagerGoesBeforeTheFolder) {
  fs::create_directories(folder_ / "credentials");
  File("credentials/secrets.key", std::string(kMadeByChance));
  setenv("CREDENTIALS_DIRECTORY", (folder_ / "credentials").c_str(), 1);
  const absl::StatusOr<std::unique_ptr<Vault>> vault = Open();
  unsetenv("CREDENTIALS_DIRECTORY");
  ASSERT_TRUE(vault.ok()) << vault.status();
  EXPECT_FALSE((*vault)->lies_beside());
  EXPECT_FALSE(fs::exists(folder_ / "secrets.key"));
  EXPECT_FALSE(Open().ok());
}

TEST_F(VaultTest, AKeyOfTheServerThatLiesOpenIsSealedAndStaysTheSame) {
  const std::unique_ptr<Vault> vault = OpenOrDie();
  File("link.key", "a-key-that-a-former-version-left\n");
  EXPECT_EQ(*ReadOrMakeSealed(*vault, folder_.string(), "link.key"), "a-key-that-a-former-version-left");
  EXPECT_TRUE(Vault::IsSealed(Read("link.key")));
  EXPECT_EQ(*ReadOrMakeSealed(*vault, folder_.string(), "link.key"), "a-key-that-a-former-version-left");
  const std::string made = *ReadOrMakeSealed(*vault, folder_.string(), "audit.key");
  EXPECT_THAT(made, SizeIs(43));
  EXPECT_EQ(*ReadOrMakeSealed(*vault, folder_.string(), "audit.key"), made);
  fs::copy_file(folder_ / "link.key", folder_ / "audit.key", fs::copy_options::overwrite_existing);
  EXPECT_FALSE(ReadOrMakeSealed(*vault, folder_.string(), "audit.key").ok()) << "it is bound to its name";
}

TEST(WipingSecretsTest, WhatWasTakenFromTheEnvironmentIsRememberedAndWiped) {
  setenv("TOCSIN_TEST_SECRET", "hunter2", 1);
  const Secrets secrets = WipingSecrets();
  EXPECT_EQ(*secrets.environment("TOCSIN_TEST_SECRET"), "hunter2");
  EXPECT_STREQ(getenv("TOCSIN_TEST_SECRET"), "*******");
  EXPECT_EQ(*secrets.environment("TOCSIN_TEST_SECRET"), "hunter2");
  EXPECT_FALSE(secrets.environment("TOCSIN_TEST_NONE").ok());
  unsetenv("TOCSIN_TEST_SECRET");
}

Organisation WithSecrets() {
  Organisation organisation;
  organisation.smtp.password = "p1";
  organisation.twilio.auth_token = "t1";
  organisation.slack.token = "s1";
  User user;
  user.id = UserId("eve");
  user.contact_methods = {
      {.id = ContactMethodId("hook"),
       .kind = ContactMethod::Kind::kWebhook,
       .address = "https://x.example",
       .secret = "w1"}
  };
  organisation.users = {user};
  Receiver receiver;
  receiver.id = ReceiverId("chat");
  receiver.targets = {
      {.id = ContactMethodId("a"),
       .kind = ContactMethod::Kind::kWebhook,
       .address = "https://y.example",
       .secret = "w2"}
  };
  organisation.receivers = {receiver};
  Integration integration;
  integration.id = IntegrationId("github");
  integration.signing_secret = "g1";
  organisation.integrations = {integration};
  return organisation;
}

TEST_F(VaultTest, EverySecretOfAnOrganisationIsSealedAndWhatIsTheSameStaysTheSame) {
  const std::unique_ptr<Vault> vault = OpenOrDie();
  const Organisation plain = WithSecrets();
  const Organisation sealed = Sealed(plain, nullptr, vault.get());
  for (const std::string& secret :
       {sealed.smtp.password, sealed.twilio.auth_token, sealed.slack.token, sealed.users[0].contact_methods[0].secret,
        sealed.receivers[0].targets[0].secret, sealed.integrations[0].signing_secret})
    EXPECT_TRUE(Vault::IsSealed(secret)) << secret;
  EXPECT_TRUE(IsSealed(sealed, *vault));
  EXPECT_FALSE(IsSealed(plain, *vault));
  EXPECT_EQ(Opened(sealed, vault.get()), plain);
  EXPECT_EQ(*vault->Unseal(sealed.users[0].contact_methods[0].secret,
                           PlaceOfMethod(UserId("eve"), {}, ContactMethodId("hook"))),
            "w1");
  EXPECT_EQ(*vault->Unseal(sealed.receivers[0].targets[0].secret,
                           PlaceOfMethod({}, ReceiverId("chat"), ContactMethodId("a"))),
            "w2");
  EXPECT_EQ(*vault->Unseal(sealed.integrations[0].signing_secret, PlaceOfSigning(IntegrationId("github"))), "g1");
  EXPECT_EQ(Sealed(plain, &sealed, vault.get()), sealed) << "applied again it is no change";
  Organisation changed = plain;
  changed.smtp.password = "p2";
  const Organisation next = Sealed(changed, &sealed, vault.get());
  EXPECT_NE(next.smtp.password, sealed.smtp.password);
  EXPECT_EQ(next.slack.token, sealed.slack.token);
}

TEST_F(VaultTest, WhatAnotherVaultSealedIsNamedAndLeftAsItIs) {
  const Organisation sealed = Sealed(WithSecrets(), nullptr, OpenOrDie().get());
  fs::remove(folder_ / "secrets.keys");
  fs::remove(folder_ / "secrets.key");
  const std::unique_ptr<Vault> other = OpenOrDie();
  std::vector<std::string> closed;
  EXPECT_EQ(Opened(sealed, other.get(), &closed), sealed);
  EXPECT_THAT(closed, SizeIs(6));
  EXPECT_EQ(Sealed(sealed, &sealed, other.get()), sealed);
}

}  // namespace
}  // namespace tocsin
