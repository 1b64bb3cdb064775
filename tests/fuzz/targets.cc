#include "tests/fuzz/targets.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"

#include "api/compat/opsgenie_query.h"
#include "api/compat/pagerduty_body.h"
#include "api/search_query.h"
#include "base/limits.h"
#include "base/strings.h"
#include "config/load.h"
#include "config/text.h"
#include "ical/document.h"
#include "import/import.h"
#include "ingest/intake.h"
#include "ingest/json.h"
#include "ingest/json_scan.h"
#include "ingest/mail.h"
#include "ingest/mapping.h"
#include "ingest/opsgenie_alert.h"
#include "ingest/prometheus_reader.h"
#include "ingest/sns.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"
#include "ingest/wire_decoder.h"
#include "model/codec/response_codec.h"
#include "model/matcher.h"
#include "net/grpc_connection.h"
#include "net/gzip.h"
#include "net/http.h"
#include "net/smtp_session.h"
#include "oidc/pending.h"
#include "oidc/provider.h"
#include "oidc/token.h"
#include "storage/journal_format.h"
#include "tests/net/http2_client.h"

namespace tocsin {
namespace {

const Now kNow{.wall = absl::FromUnixSeconds(1'795'289'000), .engine = EngineTime(0)};

void Check(bool kept, const char* promise) {
  if (kept) return;
  std::fprintf(stderr, "a promise is broken: %s\n", promise);
  std::abort();
}

// What comes out of a source must be fit to be taken in, or say why not.
void CheckReadings(const Readings& readings) {
  Intake intake(1);
  intake.Begin(0, nullptr, kNow.wall, Intake::Manner::kLenient);
  for (const Reading& reading : readings) {
    if (!reading.event) {
      Check(!reading.reason.empty(), "who is refused is told why");
      continue;
    }
    intake.Add(*reading.event);
  }
  for (const Refused& refused : intake.refused())
    Check(!refused.reason.empty(), "an alert that does not fit says what of it does not");
}

// "GET path?query\n" before the body, when the input begins so: the rest of what a source looks at.
void RunSource(const Source& source, std::string_view input) {
  SourceRequest request{.body = input};
  std::string path;
  const std::size_t end = input.find('\n');
  if (input.starts_with("/") && end != std::string_view::npos) {
    const std::string_view target = input.substr(1, end - 1);
    const std::size_t question = std::min(target.find('?'), target.size());
    path = PercentDecode(target.substr(0, question), /*plus_is_space=*/false);
    request.path = path;
    request.query = target.substr(std::min(question + 1, target.size()));
    request.body = input.substr(end + 1);
  }
  CheckReadings(ReadPayload(source, request, kNow));
  request.content_type = "application/x-www-form-urlencoded";
  CheckReadings(ReadPayload(source, request, kNow));
  if (source.verify != nullptr) Check(!source.verify(request, "a secret", kNow.wall).ok(), "nobody has signed this");
}

void RunJson(std::string_view input) {
  JsonReader reader;
  const bool strict = reader.Read(input, JsonReader::Manner::kStrict).ok();
  const std::optional<JsonFault> fault = FindJsonFault(input, limits::kJsonDepth);
  if (fault) Check(fault->position <= input.size() && !fault->reason.empty(), "a fault has a place and a reason");
  const std::string mended = MendJson(input);
  if (reader.Read(mended, JsonReader::Manner::kStrict).ok())
    Check(MendJson(mended) == mended, "what is well formed stays as it is");
  if (strict)
    Check(reader.Read(input, JsonReader::Manner::kLenient).ok(), "what is well formed is read leniently, too");
}

void RunPrometheus(std::string_view input) {
  Intake intake(1);
  intake.Begin(0, nullptr, kNow.wall, Intake::Manner::kLenient);
  JsonReader reader;
  if (const auto refusal = ReadPrometheus(reader, input, intake)) Check(!refusal->message.empty(), "it says why");
}

void RunWire(std::string_view input) {
  Intake intake(1);
  intake.Begin(0, nullptr, kNow.wall, Intake::Manner::kStrict);
  WireDecoder decoder;
  const absl::StatusOr<WireRequest> request = decoder.Decode(input, intake);
  if (request.ok()) Check(intake.seen() <= limits::kEventsPerBatch, "a batch is bounded");
  // In pieces, as the network may cut it, it says the same.
  const std::size_t size = 1 + input.size() % 61;
  std::vector<std::string_view> pieces;
  for (std::size_t at = 0; at < input.size(); at += size)
    pieces.push_back(input.substr(at, size));
  Intake of_pieces(1);
  of_pieces.Begin(0, nullptr, kNow.wall, Intake::Manner::kStrict);
  Check(decoder.Decode(pieces, of_pieces).status() == request.status(), "pieces are read as the whole is");
  Check(!request.ok() || std::ranges::equal(of_pieces.batch().bytes(), intake.batch().bytes()), "and say the same");
}

// A mapping, an empty line, a body.
void RunMapping(std::string_view input) {
  const std::size_t end = std::min(input.find("\n\n"), input.size());
  const absl::StatusOr<FieldMapping> mapping = LoadFieldMapping({"mapping.yaml", std::string(input.substr(0, end))});
  if (!mapping.ok()) return;
  CheckReadings(ReadMapped(*mapping, {.body = input.substr(std::min(end + 2, input.size()))}, kNow));
}

void RunSns(std::string_view input) {
  const SourceRequest request{.body = input};
  (void)SnsMessageType(request);
  (void)SnsTopic(request);
  const absl::StatusOr<std::string> certificate = SnsCertificateUrl(request);
  if (certificate.ok()) Check(certificate->starts_with("https://sns."), "only Amazon's certificates are fetched");
  const absl::StatusOr<std::string> subscribe = SnsSubscribeUrl(request);
  if (subscribe.ok()) Check(subscribe->starts_with("https://sns."), "only Amazon is visited");
}

void RunMatchers(std::string_view input) {
  const absl::StatusOr<Matcher> one = ParseMatcher(input);
  if (one.ok()) {
    const absl::StatusOr<Matcher> again = ParseMatcher(Format(*one));
    Check(again.ok() && *again == *one, "what is written is read back");
  }
  (void)ParseMatchers(input);
}

void RunTimes(std::string_view input) {
  (void)ParseTimestamp(input);
  if (const auto time = ParseAnyTime(input)) (void)ToEventNs(*time);
  (void)ParseDuration(input);
  (void)ParseTimeOfDay(input);
  (void)ParseLocalTime(input);
  (void)ParseInstant(input, absl::UTCTimeZone());
}

void RunConfiguration(std::string_view input) {
  const LoadResult loaded = Load(std::vector<SourceFile>{
      {"fuzz.yaml", std::string(input)}
  });
  for (const Problem& problem : loaded.problems)
    Check(!problem.message.empty(), "a problem says what it is");
}

void RunHttp(std::string_view input) {
  (void)PercentDecode(input, true);
  (void)ParseForm(input);
  (void)QueryValue(input, "a");
  const absl::StatusOr<std::string> inflated = Gunzip(input, {.max_bytes = 1U << 20U});
  if (inflated.ok()) Check(inflated->size() <= 2U << 20U, "what is inflated is bounded");
}

void RunCalendar(std::string_view input) {
  (void)ical::Parse(input);
}

void RunDisk(std::string_view input) {
  for (std::uint8_t table = 0; table < 32; ++table)
    (void)DecodeRow(table, input);
  (void)DecodeChange(input);
  (void)DecodeTimelineEntry(input);
  (void)journal::DecodeSegmentHeader(input);
  (void)journal::DecodeMark(input);
  (void)journal::DecodeEntry(input, 1);
}

void RunSearch(std::string_view input) {
  const absl::StatusOr<SearchQuery> query = ParseSearchQuery(input, kNow.wall);
  if (!query.ok()) Check(!query.status().message().empty(), "it says what is wrong");
}

void RunMail(std::string_view input) {
  const Mail mail = ReadMail(input);
  CheckReadings(ReadMailEvents(mail, "a@example.com", {}, kNow));
}

// Writes down what calls say, and answers none.
class Recorder final : public GrpcHandler {
 public:
  explicit Recorder(std::string& heard) : heard_(heard) {}
  void OnMessage(const GrpcMessage& message) override { heard_ += "<" + message.Copy() + ">"; }
  void OnHalfClose() override { heard_ += "."; }

 private:
  std::string& heard_;
};

// What comes after the preface of HTTP/2 and a client's settings: what calls hear must not depend on TCP's pieces.
void RunGrpc(std::string_view input) {
  constexpr std::size_t kMostBytes = 4096;
  const auto talk = [&](std::size_t piece) {
    std::string heard;
    GrpcShared shared;
    shared.router.Add(
        "/a/B", {.begin = [&heard](const GrpcHead& head,
                                   const std::shared_ptr<GrpcCall>&) -> absl::StatusOr<std::unique_ptr<GrpcHandler>> {
                   heard += absl::StrCat(head.metadata.size());
                   return std::make_unique<Recorder>(heard);
                 },
                 .max_message = kMostBytes,
                 .keeps = true});
    GrpcConnection connection(shared, std::make_shared<GrpcMailbox>(),
                              {.vouch = [] {}, .is_revoked = [] { return false; }}, [] {});
    std::string said = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(NGHTTP2_SETTINGS, 0, 0, "");
    said += input;
    bool goes_on = true;
    for (std::size_t at = 0; at < said.size() && goes_on; at += piece) {
      const auto block = std::make_shared<const std::string>(said.substr(at, piece));
      goes_on = connection.Receive(*block, block);
      Check(shared.partial_bytes <= shared.options.max_streams * kMostBytes, "unfinished messages are bounded");
    }
    std::string out;
    connection.Send(out, 1U << 20U);
    return heard;
  };
  const std::size_t piece = input.empty() ? 1 : 1 + static_cast<unsigned char>(input[0]);
  Check(talk(input.size() + 100) == talk(piece), "TCP's pieces mean nothing");
}

std::string GrpcSeed() {
  constexpr std::size_t kBeforeCalls = 24 + 9 + 6;  // preface and settings
  Http2Client client;
  client.Call("/a/B", Framed("hello") + Framed(""));
  client.Reset(client.Call("/a/B", Framed("x").substr(0, 3), false));
  return client.Output().substr(kBeforeCalls);
}

// A client that says all of `input`, in pieces whose length its first byte tells: what it gets must not depend on the pieces.
void RunSmtp(std::string_view input) {
  constexpr std::size_t kMostBytes = 8192;
  constexpr std::size_t kMostWaiting = 4097;  // a command and its CR
  SmtpServer::Options options;
  options.max_message_bytes = kMostBytes;
  const SmtpServer::CheckRecipient anybody = [](std::string_view, bool) { return SmtpReply{250, "OK"}; };
  const auto talk = [&](std::size_t piece) {
    SmtpSession session(options, anybody, "192.0.2.1", true);
    std::string said = session.Greeting();
    std::string buffer;
    for (std::size_t at = 0; at < input.size(); at += piece) {
      buffer += input.substr(at, piece);
      for (;;) {
        const std::size_t before = buffer.size();
        const SmtpSession::Step step = session.Advance(buffer);
        said += step.send;
        if (step.message) {
          Check(step.message->data.size() <= kMostBytes, "a message is bounded");
          said += session.Answered({250, "taken"});
        }
        if (step.close) return said;
        if (step.send.empty() && !step.message && buffer.size() == before) break;
      }
      Check(buffer.size() <= kMostWaiting, "what waits is bounded");
    }
    return said;
  };
  const std::size_t piece = input.empty() ? 1 : 1 + static_cast<unsigned char>(input[0]);
  Check(talk(input.size() + 1) == talk(piece), "TCP's pieces mean nothing");
}

void RunOpsgenieQuery(std::string_view input) {
  const absl::StatusOr<OpsgenieQuery> query = OpsgenieQuery::Parse(input);
  if (!query.ok()) return Check(!query.status().message().empty(), "it says what is wrong");
  OpsgenieAlert alert;
  alert.message = "disk is full";
  alert.tags = {"database"};
  alert.details = {
      {"rack", "12"}
  };
  (void)query->Match(alert);
}

void RunOpsgenie(std::string_view input) {
  const OpsgenieCall create = ReadOpsgenieCreate(input);
  if (!create.fault.any()) {
    OpsgenieAlert alert = std::get<opsgenie::Create>(create.action).alert;
    alert.labels = OpsgenieLabels(alert, {});
    CheckReadings({Reading::Of(OpsgenieEvent(alert, EventKind::kTrigger))});
  }
  for (const std::string_view verb :
       {"snooze", "escalate", "assign", "notes", "tags", "details", "responders", "priority"})
    (void)ReadOpsgenieVerb(HttpMethod::kPut, verb, "", input, input);
  (void)ReadOpsgenieVerb(HttpMethod::kDelete, "tags", "", "", input);
  (void)ReadOpsgenieNetdata(input);
  (void)ReadOpsgenieHeartbeat(input, true);
}

void RunPagerDuty(std::string_view input) {
  for (const PagerDutyEvent& read : {ReadPagerDutyV2(input, "fresh"), ReadPagerDutyV1(input, "fresh")}) {
    if (read.fault.any()) continue;
    Check(!read.event.dedup_key.empty() && !read.dedup_key.empty(), "what is taken has an identity");
    CheckReadings({Reading::Of(read.event)});
  }
  (void)ReadPagerDutyChange(input);
}

// The public key of RFC 8037, A.2, and of RFC 7515, A.3. No input has a signature of theirs but the examples themselves.
constexpr std::string_view kProviderKeys =
    R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},)"
    R"({"kty":"EC","crv":"P-256","kid":"b","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})";
constexpr std::string_view kSignedToken =
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

// Tokens, keys, documents, cookies and codes of logins by a provider.
void RunSignInByProvider(std::string_view input) {
  static const oidc::KeySet keys = oidc::KeySet::Parse(kProviderKeys).value();
  static const std::vector<oidc::Algorithm> allowed = {oidc::Algorithm::kEdDsa, oidc::Algorithm::kEs256};
  const oidc::Expected expected{.issuer = "i", .client_id = "c", .algorithms = allowed, .now = kNow.wall, .nonce = "n"};
  Check(!oidc::VerifyIdToken(input, keys, expected).ok(), "no token is believed that nobody signed");
  Check(!oidc::VerifyLogoutToken(input, keys, expected).ok(), "nor a logout");
  const absl::StatusOr<oidc::Jws> token = oidc::ParseJws(input);
  if (token.ok() && oidc::Verify(*token, keys, allowed).ok()) {
    Check(token->payload == "Example of Ed25519 signing", "nothing else is signed");
  }
  if (const absl::StatusOr<oidc::KeySet> set = oidc::KeySet::Parse(input); set.ok()) {
    Check(set->keys().size() <= 64, "keys are bounded");
    if (token.ok()) (void)oidc::Verify(*token, *set, allowed);
  }
  if (const absl::StatusOr<oidc::Metadata> read = oidc::ParseMetadata(input, "https://a.example"); read.ok()) {
    for (const std::string& url : {read->authorization_endpoint, read->token_endpoint, read->jwks_uri})
      Check(oidc::CheckProviderUrl(url).ok(), "no document leads elsewhere than to https");
  }
  static const oidc::Seal seal;
  Check(!seal.Open(input, kNow.engine).ok(), "a cookie of nobody's is none");
  (void)oidc::IsChallenge(input);
  (void)oidc::ParseSignInFile("sign_in.yaml", input, Secrets());
}

std::vector<FuzzTarget> MakeTargets() {
  std::vector<FuzzTarget> targets = {
      {"json",             RunJson,             {R"({"a":[1,-2.5e3,"\u00e9\ud83d\ude00",null,true],"b":{}})", "[\"a\tb\",]"}                                },
      {"alertmanager_api",
       RunPrometheus,                           {R"([{"labels":{"alertname":"A"},"startsAt":"2026-01-01T00:00:00.5+01:00"}])"}                              },
      {"wire",             RunWire,             {std::string("\x08\x01\x12\x07\x0a\x05\x0a\x01\x61\x12\x00", 11)}                                           },
      {"mapping",          RunMapping,          {"key: '{{a.0|b}}'\n\n{\"a\":[\"x\"]}"}                                                                     },
      {"sns",              RunSns,              {std::string(FindSource("cloudwatch_sns") ? FindSource("cloudwatch_sns")->example : "{}")}                  },
      {"matchers",         RunMatchers,         {R"({a="b", "ü"=~'c.*', d!~"e\"f"})", "foo = bar "}                                                        },
      {"times",            RunTimes,            {"2026-11-21T10:00:00.123456789+02:00", "1726142400000", "1h30m", "09:30"}                                  },
      {"configuration",    RunConfiguration,    {"users: [{id: a, name: *x}]\nroute: &x {policy: p}\n"}                                                     },
      {"http",             RunHttp,             {"a=%41+b&c", Gzip("hello")}                                                                                },
      {"calendar",
       RunCalendar,                             {"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;TZID=\"X\":20261121T100000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"}},
      {"disk",             RunDisk,             {std::string("\x0a\x02\x08\x01", 4)}                                                                        },
      {"mail",             RunMail,             {"From: a@b\r\nSubject: =?utf-8?q?Disk_full?=\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n"}              },
      {"smtp",
       RunSmtp,                                 {"EHLO a\r\nMAIL FROM:<a@b> SIZE=10\r\nRCPT TO:<k@c>\r\nDATA\r\nSubject: x\r\n\r\n..y\r\n.\r\nQUIT\r\n"}    },
      {"opsgenie_query",
       RunOpsgenieQuery,                        {"status: open AND (priority: P1 OR tag: data*) NOT message: \"disk full\"", "createdAt >= 21-11-2026"}     },
      {"opsgenie",
       RunOpsgenie,                             {R"({"message":"m","alias":"a","tags":["t"],"details":{"a":1},"responders":[{"type":"team","name":"x"}]})"} },
      {"grpc",             RunGrpc,             {GrpcSeed()}                                                                                                },
      {"pagerduty",
       RunPagerDuty,                            {std::string(kPagerDutyV2Example), std::string(kPagerDutyV1Example), std::string(kPagerDutyChangeExample)}  },
      {"sign_in",          RunSignInByProvider, {std::string(kSignedToken), std::string(kProviderKeys)}                                                     },
      {"search",           RunSearch,           {"service=db label:instance=web-1 since:7d text:\"disk full\""}                                             },
  };
  for (const Source* source : SourceTable()) {
    targets.push_back({absl::StrCat("source-", ToAbsl(source->name)),
                       [source](std::string_view input) { RunSource(*source, input); },
                       {std::string(source->example)}});
  }
  for (const import::Source& source : import::Sources()) {
    targets.push_back({absl::StrCat("import-", ToAbsl(source.name)),
                       [name = std::string(source.name)](std::string_view input) {
                         const import::File file{.name = "export.json", .text = std::string(input)};
                         (void)import::Import(name, {&file, 1}, {.now = kNow.wall});
                       },
                       {"{}"}});
  }
  return targets;
}

}  // namespace

const std::vector<FuzzTarget>& FuzzTargets() {
  static const std::vector<FuzzTarget> targets = MakeTargets();
  return targets;
}

const FuzzTarget* FindFuzzTarget(std::string_view name) {
  const auto found = std::ranges::find(FuzzTargets(), name, &FuzzTarget::name);
  return found == FuzzTargets().end() ? nullptr : &*found;
}

}  // namespace tocsin
